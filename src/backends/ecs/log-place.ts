import { PermanentError } from "../../errors.ts";
import type { Job } from "../../run.ts";
import type { EcsApi } from "./api.ts";
import { flowContainer } from "./definition.ts";
import { refusedOr, unlessUnknown } from "./errors.ts";
import { type LogTarget, logIn, logOf, refOf, type TaskRef } from "./job.ts";
import type { Template } from "./schema.ts";
import type { Sources } from "./sources.ts";

/** What says where output goes, beside the job. */
export interface Whereabouts {
  readonly api: EcsApi;
  readonly agentTemplate: Sources["agentTemplate"];
  /** The agent's log group. */
  readonly logGroup: string | undefined;
}

/** Where the output of a job is, and whether that is no more than what its agent does as a rule. */
export interface FoundLog {
  readonly log: LogTarget;
  readonly assumed: boolean;
}

/**
 * Finds where the output of a job went that was not told so at its launch: by the task's definition, or,
 * when ECS has forgotten the task, by what the agent does with runs that bring no definition of their
 * own. Throws `PermanentError` ("unsupported") if it went nowhere, or nobody knows.
 */
export async function findLog(where: Whereabouts, job: Job): Promise<FoundLog> {
  const ref = refOf(job);
  const arn = ref.definition ?? (await definitionOf(where, ref));
  const definition = arn === undefined ? undefined : await described(where, ref, arn);
  const log = definition === undefined ? await usualLog(where, ref) : logOf(definition, ref.task);
  if (log !== undefined) return { log, assumed: definition === undefined };
  if (definition === undefined) throw forgotten(job);
  throw new PermanentError(
    "unsupported",
    `the container flow of ${arn} does not write to CloudWatch Logs with awslogs and a stream prefix: set log_group on the agent, or logConfiguration in the template`,
  );
}

/** The error for a job of which nothing says where its output went. */
export function forgotten({ id }: Job): PermanentError {
  return new PermanentError(
    "unsupported",
    `ECS no longer knows the task ${id}, so nobody knows where its output went`,
  );
}

async function definitionOf({ api }: Whereabouts, ref: TaskRef): Promise<string | undefined> {
  const { tasks } = await api.describeTasks(ref, [ref.task]);
  return tasks[0]?.taskDefinitionArn;
}

async function described(
  { api }: Whereabouts,
  { region }: TaskRef,
  arn: string,
): Promise<Template | undefined> {
  return refusedOr(`to describe the task definition ${arn}`, () =>
    unlessUnknown(() => api.describeTaskDefinition(region, arn)),
  );
}

async function usualLog(
  { agentTemplate, logGroup }: Whereabouts,
  ref: TaskRef,
): Promise<LogTarget | undefined> {
  const template: Template = await agentTemplate();
  if (flowContainer(template).logConfiguration) return logOf(template, ref.task);
  return logGroup === undefined ? undefined : logIn(logGroup, ref);
}
