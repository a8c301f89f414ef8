import type { World } from "../../backend.ts";
import { chunks } from "../../chunks.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE, SECOND } from "../../time.ts";
import type { KubernetesApi } from "./api.ts";
import { DELETE_LABEL, LAUNCH_LABEL, RUN_LABEL } from "./names.ts";
import { condition, type JobJson } from "./objects.ts";

/** For so long after its end the log of a Job can still be read. */
const KEPT_MS = 60 * MINUTE;
const TIDY_EVERY_MS = 5 * MINUTE;
/** A look at Jobs waits for tidying after it, so that takes no longer; what is left is done after the next look. */
const TIDY_FOR_MS = 2 * SECOND;
const AT_ONCE = 10;
const MOST_AT_ONCE = 100;

/**
 * Deletes Jobs that say so an hour after their end, with their pods. Only a Job whose launch is over in
 * the store is deleted, so that one whose end nobody has stored yet is there for whoever asks next,
 * however long that takes. Jobs of runs the store does not know are left alone.
 *
 * Called after each look with the namespaces that were looked at; works every five minutes at most, or
 * with each look until all are deleted, and never twice at once. A failure is told and tried again; it
 * never throws.
 */
export function tidier(
  api: Tidying["api"],
  { now, log, isOver }: Pick<World, "now" | "log" | "isOver">,
): (namespaces: ReadonlySet<string>) => Promise<void> {
  if (isOver === undefined) return async () => undefined;
  const tidying: Tidying = { api, now, isOver, marks: new Map() };
  let next = Number.NEGATIVE_INFINITY;
  return async (namespaces) => {
    const moment = now().getTime();
    if (moment < next) return;
    next = Number.POSITIVE_INFINITY;
    let all = true;
    for (const namespace of namespaces) {
      try {
        all = (await tidy(tidying, namespace)) && all;
      } catch (error) {
        log.warn("finished jobs not deleted yet", { namespace, reason: messageOf(error) });
      }
    }
    next = all ? moment + TIDY_EVERY_MS : moment;
  };
}

interface Tidying {
  readonly api: Pick<KubernetesApi, "listJobs" | "deleteJob">;
  now(): Date;
  readonly isOver: NonNullable<World["isOver"]>;
  /** The last Job of a namespace that was looked at, where not all were. */
  readonly marks: Map<string, string>;
}

/** Goes on in a namespace where it stopped; returns whether it came to the end. */
async function tidy(tidying: Tidying, namespace: string): Promise<boolean> {
  const { now, marks } = tidying;
  const began = now().getTime();
  const mark = marks.get(namespace) ?? "";
  marks.delete(namespace);
  const ended = await endedJobs(tidying.api, namespace, began);
  const left = ended.filter((job) => nameOf(job) > mark);
  let deleted = 0;
  for (const group of chunks(left, AT_ONCE)) {
    if (deleted >= MOST_AT_ONCE || now().getTime() - began >= TIDY_FOR_MS) return false;
    const done = await Promise.all(group.map((job) => removeIfOver(tidying, namespace, job)));
    deleted += done.filter((gone) => gone).length;
    marks.set(namespace, nameOf(group.at(-1)));
  }
  marks.delete(namespace);
  return true;
}

/** The Jobs that ended long enough ago, by name. */
async function endedJobs(
  api: Tidying["api"],
  namespace: string,
  now: number,
): Promise<readonly JobJson[]> {
  const jobs = await api.listJobs(namespace, `${DELETE_LABEL}=true`);
  return jobs
    .filter((job) => now - endOf(job) >= KEPT_MS)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** Returns whether the Job was deleted. */
async function removeIfOver(
  { api, isOver }: Tidying,
  namespace: string,
  { metadata }: JobJson,
): Promise<boolean> {
  const { name = "", uid = "", labels = {} } = metadata ?? {};
  if (!(await isOver(labels[RUN_LABEL] ?? "", Number(labels[LAUNCH_LABEL])))) return false;
  await api.deleteJob(namespace, name, uid);
  return true;
}

function nameOf(job: JobJson | undefined): string {
  return job?.metadata?.name ?? "";
}

/** When a Job ended; for one that has not, a moment that never comes. */
function endOf({ status }: JobJson): number {
  const end = condition(status?.conditions, "Complete") ?? condition(status?.conditions, "Failed");
  if (end === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(end.lastTransitionTime ?? "") || 0;
}
