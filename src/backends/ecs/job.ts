import type { JsonObject } from "../../json.ts";
import type { Job } from "../../run.ts";
import { type ClusterRef, FLOW_CONTAINER, flowIn, idOfArn, LOG_PREFIX } from "./names.ts";
import type { Template } from "./schema.ts";

/** What `ref` of an ECS job holds. */
export interface TaskRef extends ClusterRef {
  readonly task: string;
  /** The container that runs the flow. */
  readonly container: string;
  /** The mark of its launch. */
  readonly startedBy: string;
  /** Where its output goes, if that was known when the job was made. */
  readonly log?: LogTarget;
  /** The ARN of its definition, where only that was known: it says later where the output went. */
  readonly definition?: string;
}

/** Where the output of a container goes in CloudWatch Logs. */
export interface LogTarget {
  readonly group: string;
  readonly region: string;
  readonly stream: string;
}

/** The reference of a task by its ARN, with the mark of its launch. */
export function taskRef({ region, cluster }: ClusterRef, task: string, mark: string): TaskRef {
  return { region, cluster, task, container: FLOW_CONTAINER, startedBy: mark };
}

/** A task as a job. Its page is its log, if it has one in CloudWatch, else the task in the console. */
export function jobOf(ref: TaskRef): Job {
  const { log, ...rest } = ref;
  const fields: JsonObject = { ...rest, ...(log === undefined ? {} : { log: { ...log } }) };
  return {
    backend: "ecs",
    id: ref.task,
    url: log === undefined ? taskPage(ref) : logPage(ref.task, log),
    ref: fields,
  };
}

/** The reference of a job this backend has made. */
export function refOf(job: Job): TaskRef {
  return job.ref as unknown as TaskRef;
}

/**
 * Where the flow's output goes, by its definition: the stream's name is known before the task starts.
 * Undefined if it does not go to CloudWatch, or to a stream whose name cannot be known.
 */
export function logOf(definition: Template, task: string): LogTarget | undefined {
  const { logDriver, options } = flowIn(definition.containerDefinitions)?.logConfiguration ?? {};
  const group = options?.["awslogs-group"];
  const region = options?.["awslogs-region"];
  const prefix = options?.["awslogs-stream-prefix"];
  if (logDriver !== "awslogs" || !group || !region || !prefix) return undefined;
  return { group, region, stream: `${prefix}/${FLOW_CONTAINER}/${idOfArn(task)}` };
}

/** Where output goes that Sluice itself sends to a log group. */
export function logIn(
  group: string,
  { region, task }: Pick<TaskRef, "region" | "task">,
): LogTarget {
  return { group, region, stream: `${LOG_PREFIX}/${FLOW_CONTAINER}/${idOfArn(task)}` };
}

function logPage(task: string, { group, region, stream }: LogTarget): string {
  return `${consoleOf(task, region)}/cloudwatch/home?region=${region}#logsV2:log-groups/log-group/${inFragment(group)}/log-events/${inFragment(stream)}`;
}

function taskPage({ task, region, cluster }: TaskRef): string {
  const parts = [idOfArn(cluster), "tasks", idOfArn(task)].map(encodeURIComponent);
  return `${consoleOf(task, region)}/ecs/v2/clusters/${parts.join("/")}?region=${region}`;
}

/** CloudWatch's page decodes its fragment twice, with `$` for the inner percent signs. */
function inFragment(text: string): string {
  return encodeURIComponent(encodeURIComponent(text)).replaceAll("%25", "$25");
}

/** Each partition of AWS has a console of its own. */
function consoleOf(arn: string, region: string): string {
  switch (arn.split(":")[1] ?? "") {
    case "aws-cn":
      return `https://${region}.console.amazonaws.cn`;
    case "aws-us-gov":
      return `https://${region}.console.amazonaws-us-gov.com`;
    default:
      return `https://${region}.console.aws.amazon.com`;
  }
}
