import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { KubernetesApi } from "./api.ts";
import { deletableSelector, LAUNCH_LABEL, RUN_LABEL } from "./names.ts";
import { condition, type JobJson } from "./objects.ts";
import { isTooOld } from "./pages.ts";

/** For so long after its end the log of a Job can still be read. */
const KEPT_MS = 60 * MINUTE;
const TIDY_EVERY_MS = 5 * MINUTE;
const PAGE_SIZE = 250;
const AT_ONCE = 20;
/** After so many failures in one pass nobody may be able to delete anything there. */
const MOST_FAILURES = AT_ONCE;

/**
 * Deletes Jobs that say so an hour after their end, with their pods. Only a Job whose launch is over in
 * the store is deleted, so that one whose end nobody has stored yet is there for whoever asks next,
 * however long that takes. Jobs of other installations, and of runs the store does not know, are left alone.
 *
 * Called with the namespaces that were looked at. Each is gone through every five minutes, page by page,
 * over as many calls as that takes, and never twice at once. What cannot be deleted is told and tried
 * again, and keeps nobody else; it never throws.
 */
export function tidier(
  api: Tidying["api"],
  { now, log, isOver, installation }: Pick<World, "now" | "log" | "isOver" | "installation">,
): (namespaces: ReadonlySet<string>, signal: AbortSignal) => Promise<void> {
  if (isOver === undefined) return async () => undefined;
  const selector = deletableSelector(installation);
  const tidying: Tidying = { api, now, log, isOver, selector };
  const passes = new Map<string, Pass>();
  return async (namespaces, signal) => {
    const work = [...namespaces].map((namespace) => {
      const pass = passes.get(namespace) ?? newPass(namespace);
      passes.set(namespace, pass);
      return goOn(tidying, pass, signal);
    });
    await Promise.all(work);
  };
}

interface Tidying extends Required<Pick<World, "now" | "log" | "isOver">> {
  readonly api: Pick<KubernetesApi, "pageOfJobs" | "deleteJob">;
  /** Selects the Jobs that say so. */
  readonly selector: string;
}

/** One way through the Jobs of a namespace. */
interface Pass {
  readonly namespace: string;
  /** Whether somebody is at work on it. */
  busy: boolean;
  /** When it was begun, in milliseconds. */
  began: number;
  /** Where the next page begins; undefined after the last. */
  next: string | undefined;
  /** What was listed and is not looked at yet. */
  ended: readonly JobJson[];
  failures: readonly unknown[];
}

function newPass(namespace: string): Pass {
  const began = Number.NEGATIVE_INFINITY;
  return { namespace, busy: false, began, next: undefined, ended: [], failures: [] };
}

function isDone({ next, ended }: Pass): boolean {
  return next === undefined && ended.length === 0;
}

async function goOn(tidying: Tidying, pass: Pass, signal: AbortSignal): Promise<void> {
  const moment = tidying.now().getTime();
  if (pass.busy) return;
  if (isDone(pass)) {
    if (moment < pass.began + TIDY_EVERY_MS) return;
    Object.assign(pass, { began: moment, next: "", failures: [] });
  }
  pass.busy = true;
  while (!isDone(pass) && !signal.aborted) await step(tidying, pass);
  pass.busy = false;
  const { namespace, failures } = pass;
  if (!isDone(pass) || failures.length === 0) return;
  const reason = messageOf(failures[0]);
  tidying.log.warn("finished jobs not deleted yet", {
    namespace,
    failures: failures.length,
    reason,
  });
}

/** Lists a page, or deletes some of what was listed. */
async function step(tidying: Tidying, pass: Pass): Promise<void> {
  const failures =
    pass.ended.length > 0 ? await removeSome(tidying, pass) : await list(tidying, pass);
  pass.failures = [...pass.failures, ...failures];
  if (pass.failures.length >= MOST_FAILURES) Object.assign(pass, { next: undefined, ended: [] });
}

/** What was listed minutes ago is forgotten, and the list begun again. */
async function list({ api, now, selector }: Tidying, pass: Pass): Promise<readonly unknown[]> {
  const { namespace, next: after = "" } = pass;
  try {
    const part = { after, limit: PAGE_SIZE };
    const { items, next } = await api.pageOfJobs(namespace, selector, part);
    const before = now().getTime() - KEPT_MS;
    pass.ended = items.filter((job) => endOf(job) <= before);
    pass.next = next === "" ? undefined : next;
    return [];
  } catch (error) {
    const again = after !== "" && isTooOld(error);
    pass.next = again ? "" : undefined;
    return again ? [] : [error];
  }
}

async function removeSome(tidying: Tidying, pass: Pass): Promise<readonly unknown[]> {
  const some = pass.ended.slice(0, AT_ONCE);
  pass.ended = pass.ended.slice(AT_ONCE);
  const ends = await Promise.allSettled(
    some.map((job) => removeIfOver(tidying, pass.namespace, job)),
  );
  return ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
}

async function removeIfOver(
  { api, isOver }: Tidying,
  namespace: string,
  { metadata }: JobJson,
): Promise<void> {
  const { name = "", uid = "", labels = {} } = metadata ?? {};
  if (!(await isOver(labels[RUN_LABEL] ?? "", Number(labels[LAUNCH_LABEL])))) return;
  await api.deleteJob(namespace, name, uid);
}

/** When a Job ended; for one that has not, a moment that never comes. */
function endOf({ status }: JobJson): number {
  const end = condition(status?.conditions, "Complete") ?? condition(status?.conditions, "Failed");
  if (end === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(end.lastTransitionTime ?? "") || 0;
}
