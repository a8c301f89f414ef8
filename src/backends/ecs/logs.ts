import type { OutputLogEvent } from "@aws-sdk/client-cloudwatch-logs";
import type { LogLine, LogPage, World } from "../../backend.ts";
import type { Job } from "../../run.ts";
import { clientSettings, perRegion } from "./clients.ts";
import { faultOf, refusedOr } from "./errors.ts";
import { type Asking, inspectTasks } from "./inspect.ts";
import { type LogTarget, refOf } from "./job.ts";
import { findLog, forgotten, type Whereabouts } from "./log-place.ts";

/** Part of a log stream, and the token of what follows: the same one again at its end. */
interface Events {
  readonly lines: readonly LogLine[];
  readonly next: string | undefined;
}

/** Reads a stream of CloudWatch Logs from a token on; an empty part if there is no stream yet. */
export type ReadEvents = (log: LogTarget, after: string | undefined) => Promise<Events>;

/** What reading the output of a job needs. */
export interface Reading extends Whereabouts, Asking {
  readonly events: ReadEvents;
}

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
  reading: Reading,
  job: Job,
  after: string | undefined,
): Promise<LogPage> {
  const { events } = reading;
  const known = refOf(job).log;
  const { log, assumed } =
    known === undefined ? await findLog(reading, job) : { log: known, assumed: false };
  const start = after === undefined || after === "" ? undefined : after;
  const page = await events(log, start);
  // Even an empty stream has a token: there is none of this name.
  if (assumed && page.lines.length === 0 && page.next === undefined) throw forgotten(job);
  if (!isEnd(page, start) || !(await hasEnded(reading, job))) return toPage(page, false);
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

async function hasEnded(reading: Reading, job: Job): Promise<boolean> {
  const [status] = await inspectTasks(reading, [job]);
  return status?.type === "ended" || status?.type === "missing";
}
