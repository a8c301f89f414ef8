import * as z from "zod";
import { check } from "../check.ts";
import type { Issue } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { anything, env, object, onlyOne, text, texts, unknownKeys } from "./fields.ts";
import type { ParsedRunConfig } from "./index.ts";
import { labelList, sortedLabels } from "./labels.ts";
import { normalizePath } from "./working-dir.ts";

const common = {
  env: env.describe("Variables of the run."),
  labels: labelList.default([]).describe("Labels an agent must have, all of them."),
};

const INTEGER = /^\s*[+-]?\d+(_\d+)*\s*$/;

const NO_PORT = "expected a whole number";

/** A port as Prefect reads it: numbers are cut to whole ones, digits in text are read. */
const port = z
  .union([z.number(), z.string().regex(INTEGER, NO_PORT)], { error: NO_PORT })
  // Adding 0 makes 0 of -0.
  .transform((value) => Math.trunc(Number(String(value).replaceAll("_", ""))) + 0);

const pullPolicy = z.enum(["Always", "IfNotPresent", "Never"]).nullable().default(null);

/** A template in the run config itself. Empty text is no template; other text is YAML, read at launch. */
const template = z
  .union([z.record(z.string(), z.unknown()), z.string(), z.null()], {
    error: "expected an object, YAML text or null",
  })
  .default(null)
  .transform((value) => (typeof value === "string" && value.trim() === "" ? null : value));

/** The run configs of Prefect 1: under each type the fields it has on the wire. */
export const prefect1Schemas = {
  UniversalRun: z.object(common),
  LocalRun: z.object({
    ...common,
    working_dir: text
      .transform((path) => (path === null ? null : normalizePath(path)))
      .describe("Directory of the process, which must exist. Relative: to the agent's own."),
  }),
  DockerRun: z.object({
    ...common,
    ports: z.array(port).nullable().default(null).describe("Ports the container exposes."),
    image: text.describe("Image of the container."),
    host_config: object.describe("Options of the container's host, in docker-py's words."),
  }),
  KubernetesRun: z.object({
    ...common,
    job_template_path: text.describe("Where the template of the Job is read at launch."),
    job_template: template.describe("The template itself, or YAML text of it."),
    image: text.describe("Image of the first container."),
    cpu_limit: text.describe("Limit of CPU, such as 2 or 500m."),
    cpu_request: text.describe("Request of CPU."),
    memory_limit: text.describe("Limit of memory, such as 2Gi."),
    memory_request: text.describe("Request of memory."),
    service_account_name: text.describe("Service account of the pod."),
    image_pull_secrets: texts.describe("Names of the secrets images are pulled with."),
    image_pull_policy: pullPolicy.describe("When the image is pulled."),
  }),
  ECSRun: z.object({
    ...common,
    task_definition_path: text.describe("Where the task definition is read at launch."),
    task_definition: anything.describe("The task definition itself."),
    task_definition_arn: text.describe("A registered task definition: its ARN or family:revision."),
    image: text.describe("Image of the flow's container."),
    cpu: text.describe("CPU of the task, such as 1024 or 1 vcpu."),
    memory: text.describe("Memory of the task, such as 2048 or 2 GB."),
    task_role_arn: text.describe("Role the flow works with."),
    execution_role_arn: text.describe("Role ECS starts the task with."),
    run_task_kwargs: anything.describe("Further arguments of RunTask."),
  }),
  VertexRun: z.object({
    ...common,
    image: text.describe("Image of the flow's container."),
    machine_type: z
      .string()
      .nullable()
      .default("e2-standard-4")
      .describe("Machine of the first worker pool."),
    scheduling: object.describe("Scheduling of the CustomJob."),
    service_account: text.describe("Service account the job runs as."),
    network: text.describe("Network the job is peered with."),
    worker_pool_specs: z
      .array(z.record(z.string(), z.unknown()).nullable())
      .nullable()
      .default(null)
      .describe("All worker pools, in place of the one of machine_type."),
  }),
} satisfies Record<string, z.ZodType>;

/** The types of run configs Prefect 1 has. */
export type Prefect1Type = keyof typeof prefect1Schemas;

/** The backend each type asks for. */
const BACKENDS: Readonly<Record<Prefect1Type, string>> = {
  UniversalRun: "any",
  LocalRun: "local",
  DockerRun: "docker",
  KubernetesRun: "kubernetes",
  ECSRun: "ecs",
  VertexRun: "vertex",
};

/** Fields that exclude each other. Given is whatever is not null, so empty text and objects are. */
const EXCLUSIVE: Readonly<Partial<Record<Prefect1Type, readonly (readonly string[])[]>>> = {
  ECSRun: [
    ["task_definition", "task_definition_path", "task_definition_arn"],
    ["task_definition_arn", "image"],
  ],
  KubernetesRun: [["job_template", "job_template_path"]],
};

/** Whether a type on the wire is one of Prefect 1's. Names are case-sensitive. */
export function isPrefect1Type(type: string): type is Prefect1Type {
  return Object.hasOwn(prefect1Schemas, type);
}

/**
 * Reads a run config as Prefect 1 serialises it: absent fields take their defaults, null is allowed
 * everywhere but for `labels`. Reports every fault, also of fields that exclude each other.
 */
export function parsePrefect1(type: Prefect1Type, wire: JsonObject, at: string): ParsedRunConfig {
  const schema: z.ZodType<Fields, unknown> = prefect1Schemas[type];
  const result = check(schema, wire, at);
  const issues = [...(result.ok ? [] : result.issues), ...conflicts(type, wire, at)];
  if (!result.ok || issues.length > 0) return { ok: false, issues };
  const { env, labels, ...options } = result.value;
  const warning = unknownKeys(wire, knownKeys(type), { at, type });
  return {
    ok: true,
    config: {
      dialect: "prefect1",
      type,
      backend: BACKENDS[type],
      labels: sortedLabels(labels),
      env: env ?? {},
      options,
    },
    warnings: warning === undefined ? [] : [warning],
  };
}

type Fields = z.infer<typeof prefect1Schemas.UniversalRun>;

function conflicts(type: Prefect1Type, wire: JsonObject, at: string): readonly Issue[] {
  return (EXCLUSIVE[type] ?? []).flatMap((names) => {
    const found = names.filter((name) => wire[name] !== undefined && wire[name] !== null);
    return onlyOne(found, at);
  });
}

function knownKeys(type: Prefect1Type): readonly string[] {
  return ["type", "__version__", ...Object.keys(prefect1Schemas[type].shape)];
}
