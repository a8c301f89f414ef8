import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { KubernetesApi } from "./api.ts";
import { DELETE_LABEL, LAUNCH_LABEL, RUN_LABEL } from "./names.ts";
import { condition, type JobJson } from "./objects.ts";

/** For so long after its end the log of a Job can still be read. */
const KEPT_MS = 60 * MINUTE;
const TIDY_EVERY_MS = 5 * MINUTE;
const MOST_AT_ONCE = 100;

type Surroundings = Pick<World, "now" | "log" | "isOver">;

/**
 * Deletes Jobs that say so an hour after their end, with their pods. Only a Job whose launch is over in
 * the store is deleted, so that one whose end nobody has stored yet is there for whoever asks next,
 * however long that takes. Jobs of runs the store does not know are left alone.
 *
 * Called after each look with the namespaces that were looked at; works every five minutes at most, and
 * never twice at once. A failure is told and tried again; it never throws.
 */
export function tidier(
  api: Pick<KubernetesApi, "listJobs" | "deleteJob">,
  { now, log, isOver }: Surroundings,
): (namespaces: ReadonlySet<string>) => Promise<void> {
  let next = Number.NEGATIVE_INFINITY;
  const tidy = async (namespace: string) => {
    let deleted = 0;
    for (const job of await api.listJobs(namespace, `${DELETE_LABEL}=true`)) {
      const { name = "", uid = "", labels = {} } = job.metadata ?? {};
      if (deleted === MOST_AT_ONCE) return;
      if (now().getTime() - endOf(job) < KEPT_MS) continue;
      const launch = Number(labels[LAUNCH_LABEL]);
      if (!((await isOver?.(labels[RUN_LABEL] ?? "", launch)) ?? false)) continue;
      await api.deleteJob(namespace, name, uid);
      deleted += 1;
    }
  };
  return async (namespaces) => {
    const moment = now().getTime();
    if (isOver === undefined || moment < next) return;
    next = Number.POSITIVE_INFINITY;
    for (const namespace of namespaces) {
      try {
        await tidy(namespace);
      } catch (error) {
        log.warn("finished jobs not deleted yet", { namespace, reason: messageOf(error) });
      }
    }
    next = moment + TIDY_EVERY_MS;
  };
}

/** When a Job ended; for one that has not, a moment that never comes. */
function endOf({ status }: JobJson): number {
  const end = condition(status?.conditions, "Complete") ?? condition(status?.conditions, "Failed");
  if (end === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(end.lastTransitionTime ?? "") || 0;
}
