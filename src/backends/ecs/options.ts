import * as z from "zod";
import { checked } from "../../check.ts";
import type { JsonObject } from "../../json.ts";
import type { RunConfig } from "../../run-config/index.ts";
import { runTaskSchema } from "./schema.ts";

/** JSON objects whose members belong to AWS. */
const object = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;

/** Tasks that Fargate starts in a second, for an account in a region. */
export const DEFAULT_LAUNCHES_PER_SECOND = 20;

/** An ARN or not, a family or the start of one, a revision or not. */
const DEFINITION_ENTRY = /^(arn:[\w-]+:ecs:[\w-]+:\d{12}:task-definition\/)?[\w-]+(\*|:\d+)?$/;

/** What an ECS agent may set in `sluice.yml` beside the keys all agents have. */
export const agentOptions = z
  .strictObject({
    cluster: z
      .string()
      .min(1)
      .optional()
      .describe("Cluster its tasks run in: a name or an ARN. Default: `default`."),
    former_clusters: z
      .array(z.string().min(1))
      .optional()
      .describe(
        "Clusters whose tasks of this agent may still run, as names or ARNs: the functions of a deployment may follow and stop tasks there, and start none.",
      ),
    region_name: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Region of the cluster. Default: that of the cluster's ARN, else the region of the process.",
      ),
    launch_type: z
      .string()
      .regex(
        /^(fargate|ec2|external|managed_instances)$/i,
        "expected FARGATE, EC2, EXTERNAL or MANAGED_INSTANCES",
      )
      .optional()
      .describe(
        "What tasks run on. Default: FARGATE, or nothing if run_task_kwargs have a capacityProviderStrategy.",
      ),
    task_role_arn: z
      .string()
      .optional()
      .describe("Role of the flow itself, where neither run nor task definition has one."),
    execution_role_arn: z
      .string()
      .optional()
      .describe(
        "Role that pulls images and reads secrets, where neither run nor definition has one.",
      ),
    task_definition_path: z
      .string()
      .optional()
      .describe("Address of the template of task definitions. Read again after five minutes."),
    run_task_kwargs: runTaskSchema
      .optional()
      .describe("Arguments of RunTask for all runs, such as networkConfiguration."),
    run_task_kwargs_path: z
      .string()
      .optional()
      .describe("Address of a file with run_task_kwargs; instead of them, not beside them."),
    log_group: z
      .string()
      .min(1)
      .optional()
      .describe(
        "CloudWatch log group for the flow's output, where its template has no logConfiguration.",
      ),
    log_groups: z
      .array(z.string().min(1))
      .optional()
      .describe(
        "Further log groups that definitions write to: the functions of a deployment may read these and log_group, and no others.",
      ),
    task_definition_arns: z
      .array(
        z
          .string()
          .regex(
            DEFINITION_ENTRY,
            "expected the ARN or family of a task definition, perhaps with a revision, or the start of one and *",
          ),
      )
      .optional()
      .describe(
        "Task definitions a run may name with task_definition_arn: ARNs or families, all revisions of those without one; a family may end in *. Default: on a machine all, in a deployment none.",
      ),
    launches_per_second: z
      .number()
      .positive("expected more than 0")
      .max(1_000, "expected at most 1000")
      .optional()
      .describe(
        "Tasks all processes together start in a second at most; each keeps to its share. Fargate takes 20 a second from an account in a region. Default: 20.",
      ),
  })
  .refine((options) => !(options.run_task_kwargs && options.run_task_kwargs_path), {
    path: ["run_task_kwargs_path"],
    message: "expected either run_task_kwargs or run_task_kwargs_path",
  });

/** The options of an ECS agent, as checked when `sluice.yml` was read. */
export type EcsAgentOptions = z.infer<typeof agentOptions>;

const text = z.string().nullish();

const runOptions = z.object({
  task_definition: object.nullish(),
  task_definition_path: text,
  task_definition_arn: text,
  image: text,
  cpu: text,
  memory: text,
  task_role_arn: text,
  execution_role_arn: text,
  run_task_kwargs: object.nullish(),
});

/** What an `ECSRun` asks for; a universal run config asks for none of it. */
export type EcsRunOptions = z.infer<typeof runOptions>;

/** The options of a run. Throws `PermanentError` ("invalid") with every fault. */
export function runOptionsOf(config: RunConfig): EcsRunOptions {
  return checked(runOptions, config.options, { what: "the run config", at: "run_config" });
}
