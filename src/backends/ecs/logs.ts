import type { OutputLogEvent } from "@aws-sdk/client-cloudwatch-logs";
import type { LogLine, LogPage, World } from "../../backend.ts";
import { PermanentError } from "../../errors.ts";
import type { Job } from "../../run.ts";
import type { EcsApi } from "./api.ts";
import { clientSettings, perRegion } from "./clients.ts";
import { faultOf, refusedOr } from "./errors.ts";
import { inspectTasks } from "./inspect.ts";
import { type LogTarget, logOf, refOf } from "./job.ts";

/** Part of a log stream, and the token of what follows: the same one again at its end. */
interface Events {
  readonly lines: readonly LogLine[];
  readonly next: string | undefined;
}

/** Reads a stream of CloudWatch Logs from a token on; an empty part if there is no stream yet. */
export type ReadEvents = (log: LogTarget, after: string | undefined) => Promise<Events>;

/** Reads through the official SDK, which is loaded with the first call. */
export function readEvents(env: World["env"]): ReadEvents {
  const open = perRegion(async (region) => {
    const sdk = await import("@aws-sdk/client-cloudwatch-logs");
    const settings = clientSettings(env, "CLOUDWATCH_LOGS", region);
    return { sdk, client: new sdk.CloudWatchLogsClient(settings) };
  });
  return async ({ group, region, stream }, after) => {
    const { sdk, client } = await open(region);
    const command = new sdk.GetLogEventsCommand({
      logGroupName: group,
      logStreamName: stream,
      startFromHead: true,
      ...(after === undefined ? {} : { nextToken: after }),
    });
    return refusedOr(`to read the log group ${group}`, async () => {
      try {
        const { events = [], nextForwardToken } = await client.send(command);
        return { lines: events.map(toLine), next: nextForwardToken };
      } catch (error) {
        // The stream comes into being with the first line.
        if (faultOf(error).name === "ResourceNotFoundException") return { lines: [], next: after };
        throw error;
      }
    });
  };
}

function toLine({ timestamp, message = "" }: OutputLogEvent): LogLine {
  const time = timestamp === undefined ? {} : { time: new Date(timestamp).toISOString() };
  return { ...time, text: message };
}

/**
 * A part of what a job has written. CloudWatch may answer with no line and still have more: only the same
 * token again means that nothing follows now, and only then is it asked whether the task has ended.
 */
export async function readLog(
  { api, events }: { readonly api: EcsApi; readonly events: ReadEvents },
  job: Job,
  after: string | undefined,
): Promise<LogPage> {
  const ref = refOf(job);
  const log = ref.log ?? (await findLog(api, job));
  const start = after === undefined || after === "" ? undefined : after;
  const page = await events(log, start);
  if (!isEnd(page, start) || !(await hasEnded(api, job))) return toPage(page, false);
  // Its last lines may have come between the two questions.
  const last = await events(log, start);
  return toPage(last, isEnd(last, start));
}

function isEnd({ lines, next }: Events, start: string | undefined): boolean {
  return lines.length === 0 && (next === undefined || next === start);
}

function toPage({ lines, next }: Events, complete: boolean): LogPage {
  return { lines, next: next ?? "", complete };
}

async function hasEnded(api: EcsApi, job: Job): Promise<boolean> {
  const [status] = await inspectTasks(api, [job]);
  return status?.type === "ended" || status?.type === "missing";
}

/** A job that was found, not launched, does not know where its output goes: its definition does. */
async function findLog(api: EcsApi, job: Job): Promise<LogTarget> {
  const { region, cluster, task } = refOf(job);
  const { tasks } = await api.describeTasks(region, cluster, [task]);
  const arn = tasks[0]?.taskDefinitionArn;
  const definition = arn === undefined ? undefined : await api.describeTaskDefinition(region, arn);
  const log = definition && logOf(definition, task);
  if (log !== undefined) return log;
  throw new PermanentError(
    "unsupported",
    arn === undefined
      ? `ECS no longer knows the task ${task}, so nobody knows where its output went`
      : `the container flow of ${arn} does not write to CloudWatch Logs with awslogs and a stream prefix: set log_group on the agent, or logConfiguration in the template`,
  );
}
