import type { World } from "../../backend.ts";
import { type BoundedMap, boundedMap } from "../../bounded.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { KubernetesApi } from "./api.ts";
import { deletableSelector, LAUNCH_LABEL, RUN_LABEL } from "./names.ts";
import { condition, type JobJson } from "./objects.ts";
import { isTooOld } from "./pages.ts";

/** How long after its end the log of a Job can still be read, at least. */
const KEPT_MS = 60 * MINUTE;
const TIDY_EVERY_MS = 5 * MINUTE;
const PAGE_SIZE = 250;
const AT_ONCE = 20;
/** A pass that has deleted nothing ends with this many failures: maybe nobody can delete anything there. */
const MOST_FAILURES = AT_ONCE;
/** The most Jobs of a namespace of which it is known that they could not be deleted. */
const MOST_KNOWN = 10_000;

/**
 * Deletes Jobs that say so an hour after their end, with their pods. Only a Job whose launch is over in
 * the store is deleted, so that one whose end nobody has stored yet is there for whoever asks next,
 * however long that takes. Jobs of other installations, and of runs the store does not know, are left alone.
 *
 * Called with the namespaces that were looked at. Each is gone through every five minutes, page by page,
 * over as many calls as that takes, and never twice at once. What cannot be deleted is told, tried again
 * after all others, and so keeps nobody else; it never throws.
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

/** One way after another through the Jobs of a namespace. */
interface Pass {
  readonly namespace: string;
  /** By uid, when the pass began that last failed to delete a Job. */
  readonly failed: BoundedMap<number>;
  /** Whether somebody is at work on it. */
  busy: boolean;
  /** When it was begun, in milliseconds. */
  began: number;
  /** Where the next page begins; undefined after the last. */
  next: string | undefined;
  /** What was listed and is not looked at yet. */
  ended: readonly Ended[];
  /** What was listed and a pass before could not delete: it comes last. */
  last: readonly Ended[];
  deleted: number;
  failures: readonly unknown[];
}

/** A Job that has ended long enough ago. */
interface Ended {
  readonly name: string;
  readonly uid: string;
  readonly run: string;
  readonly launch: number;
}

function newPass(namespace: string): Pass {
  return {
    namespace,
    failed: boundedMap(MOST_KNOWN),
    busy: false,
    began: Number.NEGATIVE_INFINITY,
    ...NOTHING_LEFT,
    deleted: 0,
    failures: [],
  };
}

const NOTHING_LEFT = { next: undefined, ended: [], last: [] };

function isDone({ next, ended, last }: Pass): boolean {
  return next === undefined && ended.length === 0 && last.length === 0;
}

async function goOn(tidying: Tidying, pass: Pass, signal: AbortSignal): Promise<void> {
  const moment = tidying.now().getTime();
  if (pass.busy) return;
  if (isDone(pass)) {
    if (moment < pass.began + TIDY_EVERY_MS) return;
    Object.assign(pass, { began: moment, next: "", deleted: 0, failures: [] });
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
  if (pass.ended.length > 0) await removeSome(tidying, pass);
  else if (pass.next !== undefined) await list(tidying, pass, pass.next);
  else Object.assign(pass, { ended: longestAgoFirst(pass), last: [] });
  if (pass.deleted === 0 && pass.failures.length >= MOST_FAILURES)
    Object.assign(pass, NOTHING_LEFT);
}

/** What was listed minutes ago is forgotten, and the list begun again. */
async function list({ api, now, selector }: Tidying, pass: Pass, after: string): Promise<void> {
  try {
    const part = { after, limit: PAGE_SIZE };
    const { items, next } = await api.pageOfJobs(pass.namespace, selector, part);
    const before = now().getTime() - KEPT_MS;
    const ended = items.filter((job) => endOf(job) <= before).map(endedOf);
    const isKnown = ({ uid }: Ended) => pass.failed.get(uid) !== undefined;
    pass.ended = ended.filter((job) => !isKnown(job));
    pass.last = [...(after === "" ? [] : pass.last), ...ended.filter(isKnown)];
    pass.next = next === "" ? undefined : next;
  } catch (error) {
    const again = after !== "" && isTooOld(error);
    pass.next = again ? "" : undefined;
    if (!again) pass.failures = [...pass.failures, error];
  }
}

/** Those come first whose last failure was longest ago. */
function longestAgoFirst({ last, failed }: Pass): readonly Ended[] {
  const since = ({ uid }: Ended) => failed.get(uid) ?? 0;
  return [...last].sort((a, b) => since(a) - since(b));
}

async function removeSome(tidying: Tidying, pass: Pass): Promise<void> {
  const some = pass.ended.slice(0, AT_ONCE);
  pass.ended = pass.ended.slice(AT_ONCE);
  await Promise.all(some.map((job) => removeIfOver(tidying, pass, job)));
}

async function removeIfOver({ api, isOver }: Tidying, pass: Pass, job: Ended): Promise<void> {
  try {
    if (!(await isOver(job.run, job.launch))) return;
    await api.deleteJob(pass.namespace, job.name, job.uid);
    pass.deleted += 1;
    pass.failed.delete(job.uid);
  } catch (error) {
    pass.failed.put(job.uid, pass.began);
    pass.failures = [...pass.failures, error];
  }
}

function endedOf({ metadata }: JobJson): Ended {
  const { name = "", uid = "", labels = {} } = metadata ?? {};
  return { name, uid, run: labels[RUN_LABEL] ?? "", launch: Number(labels[LAUNCH_LABEL]) };
}

/** When a Job ended; for one that has not, a moment that never comes. */
function endOf({ status }: JobJson): number {
  const end = condition(status?.conditions, "Complete") ?? condition(status?.conditions, "Failed");
  if (end === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(end.lastTransitionTime ?? "") || 0;
}
