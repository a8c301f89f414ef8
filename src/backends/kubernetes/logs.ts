import type { LogLine, LogPage } from "../../backend.ts";
import type { KubernetesApi } from "./api.ts";
import { launchSelector } from "./names.ts";
import { condition } from "./objects.ts";
import { isOver, newest, statusOfContainer } from "./pods.ts";
import type { JobRef } from "./ref.ts";

const FIRST_LIMIT_BYTES = 1_048_576;

/**
 * What the flow container of a Job has written, from a cursor on. Only the newest pod is read: where
 * Kubernetes started the flow more than once, the logs of earlier pods are not told.
 */
export async function readLogs(api: KubernetesApi, ref: JobRef, after = ""): Promise<LogPage> {
  const selector = launchSelector({ runId: ref.run, launch: ref.launch });
  const pod = newest(await api.listPods(ref.namespace, selector));
  if (pod === undefined) return { lines: [], next: after, complete: await isFinished(api, ref) };
  const over = isOver(pod);
  const { state, lastState } = statusOfContainer(pod, ref.container) ?? {};
  const started = state?.running ?? state?.terminated ?? lastState?.terminated;
  if (started === undefined) return { lines: [], next: after, complete: over };
  const cursor = parseCursor(after);
  for (let limitBytes = FIRST_LIMIT_BYTES; ; limitBytes *= 2) {
    const text = await api.podLog(ref.namespace, pod.metadata?.name ?? "", {
      container: ref.container,
      limitBytes,
      ...(cursor === undefined ? {} : { sinceTime: wholeSecond(cursor.time) }),
    });
    const cut = Buffer.byteLength(text) >= limitBytes;
    const page = pageOf(text, after, { over, cut });
    // A second in which more was written than fits would be read over and over.
    if (!cut || page.lines.length > 0) return page;
  }
}

/**
 * The lines of a log that follow a cursor. Pure.
 *
 * Kubernetes gives logs from a whole second on, so the first lines may be known already: the cursor is
 * the time of the last known line, and how many lines of that very time are known. A last line without
 * its end is left for the next page, unless the log is over.
 */
export function pageOf(
  text: string,
  after: string,
  { over, cut }: { readonly over: boolean; readonly cut: boolean },
): LogPage {
  const complete = over && !cut;
  const whole = complete ? text : text.slice(0, text.lastIndexOf("\n") + 1);
  const entries = whole
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
  const start = parseCursor(after);
  let known = start?.count ?? 0;
  const fresh = entries.filter(({ time }) => {
    if (start === undefined || time > start.time) return true;
    return time === start.time && known-- <= 0;
  });
  const last = fresh.at(-1)?.time;
  if (last === undefined) return { lines: [], next: after, complete };
  const before = last === start?.time ? start.count : 0;
  const count = before + fresh.filter(({ time }) => time === last).length;
  return { lines: fresh, next: `${last}/${count}`, complete };
}

/** A log that ends with its Job, or with nothing at all, is read. */
async function isFinished(api: KubernetesApi, { namespace, name }: JobRef): Promise<boolean> {
  const job = await api.getJob(namespace, name);
  const conditions = job?.status?.conditions;
  return (
    job === undefined ||
    condition(conditions, "Complete") !== undefined ||
    condition(conditions, "Failed") !== undefined
  );
}

interface Cursor {
  readonly time: string;
  readonly count: number;
}

function parseCursor(after: string): Cursor | undefined {
  const [time = "", count = ""] = after.split("/");
  return time === "" ? undefined : { time, count: Number(count) };
}

function parseLine(line: string): LogLine & { readonly time: string } {
  const space = line.indexOf(" ");
  const stamp = space < 0 ? line : line.slice(0, space);
  return { time: canonical(stamp), text: space < 0 ? "" : line.slice(space + 1) };
}

/** A time in UTC with nine digits after the second, so that times compare as text. */
function canonical(stamp: string): string {
  const digits = /\.(\d+)/.exec(stamp)?.[1] ?? "";
  const second = new Date(stamp.replace(/\.\d+/, "")).toISOString().slice(0, 19);
  return `${second}.${digits.padEnd(9, "0").slice(0, 9)}Z`;
}

function wholeSecond(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
