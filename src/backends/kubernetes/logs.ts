import type { LogLine, LogPage } from "../../backend.ts";
import type { KubernetesApi } from "./api.ts";
import type { JobRef } from "./job.ts";
import { launchSelector } from "./names.ts";
import { condition } from "./objects.ts";
import { isOver, newest, statusOfContainer } from "./pods.ts";

const FIRST_LIMIT_BYTES = 1_048_576;

/**
 * What the flow container of a Job has written, from a cursor on. Only the newest pod is read: where
 * Kubernetes started the flow more than once, the logs of earlier pods are not told.
 */
export async function readLog(api: KubernetesApi, ref: JobRef, after = ""): Promise<LogPage> {
  const selector = launchSelector({ runId: ref.run, launch: ref.launch }, ref.installation);
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
 *
 * A machine that has no log any more says so in place of it, in a line that has no time. Such a line
 * counts to the one before it; at the beginning it is told only when the log is over, for it would
 * come again with every page.
 */
export function pageOf(
  text: string,
  after: string,
  { over, cut }: { readonly over: boolean; readonly cut: boolean },
): LogPage {
  const complete = over && !cut;
  const whole = complete ? text : text.slice(0, text.lastIndexOf("\n") + 1);
  const start = parseCursor(after);
  let known = start?.count ?? 0;
  const fresh = entriesOf(whole).filter(({ place }) => {
    if (place === "") return complete;
    if (start === undefined || place > start.time) return true;
    return place === start.time && known-- <= 0;
  });
  const lines = fresh.map(({ line }) => line);
  const last = fresh.at(-1)?.place ?? "";
  if (last === "") return { lines, next: after, complete };
  const before = last === start?.time ? start.count : 0;
  const count = before + fresh.filter(({ place }) => place === last).length;
  return { lines, next: `${last}/${count}`, complete };
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

interface Entry {
  readonly line: LogLine;
  /** Its time, else that of the line before; empty if there is none. */
  readonly place: string;
}

function entriesOf(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const written of text.split("\n")) {
    if (written === "") continue;
    const line = parseLine(written);
    entries.push({ line, place: line.time ?? entries.at(-1)?.place ?? "" });
  }
  return entries;
}

function parseLine(line: string): LogLine {
  const [stamp = ""] = line.split(" ", 1);
  const time = canonical(stamp);
  return time === undefined ? { text: line } : { time, text: line.slice(stamp.length + 1) };
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)$/;

/** A time in UTC with nine digits after the second, so that times compare as text; undefined if it is none. */
function canonical(stamp: string): string | undefined {
  const match = RFC_3339.exec(stamp);
  const moment = new Date(stamp.replace(/\.\d+/, ""));
  if (match === null || Number.isNaN(moment.getTime())) return undefined;
  const [, digits = ""] = match;
  return `${moment.toISOString().slice(0, 19)}.${digits.padEnd(9, "0").slice(0, 9)}Z`;
}

function wholeSecond(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
