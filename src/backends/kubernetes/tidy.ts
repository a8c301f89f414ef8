import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { KubernetesApi } from "./api.ts";
import type { Seen } from "./inspect.ts";

/** How long a finished Job is kept after it was last asked about: for its log, and see below. */
const KEPT_MS = 60 * MINUTE;
/** Ticks come every minute; after a longer pause nobody knows what was stored before it. */
const LONGEST_PAUSE_MS = 5 * MINUTE;

/** Deletes finished Jobs some time after their end. */
export interface Tidier {
  /** Takes note of what was seen just now, and deletes what is no longer needed. */
  after(seen: readonly Seen[]): Promise<void>;
}

/**
 * Nobody tells a backend that the end of a run is stored. But while it is not, the Job is asked about
 * again, at the latest after ten minutes. So a Job counts as done with when its end was told and it was
 * not asked about for an hour, in which others were asked about all the time: after a pause of the
 * dispatcher every hour begins anew. What a process forgets when it ends, Kubernetes deletes a day
 * after its end.
 */
export function tidier(api: KubernetesApi, { now, log }: Pick<World, "now" | "log">): Tidier {
  const ended = new Map<string, Entry>();
  let last = 0;
  return {
    after: async (seen) => {
      const moment = now().getTime();
      if (moment - last > LONGEST_PAUSE_MS)
        for (const entry of ended.values()) entry.since = moment;
      last = moment;
      for (const { ref, job, status } of seen) {
        const uid = job.metadata?.uid;
        if (status.type !== "ended" || uid === undefined) continue;
        ended.set(uid, { namespace: ref.namespace, name: ref.name, since: moment });
      }
      for (const [uid, { namespace, name, since }] of ended) {
        if (moment - since < KEPT_MS) continue;
        try {
          await api.deleteJob(namespace, name, uid);
          ended.delete(uid);
        } catch (error) {
          // It stays noted; the next look tries again, and what is asked now must not suffer.
          log.warn("job not deleted yet", {
            job: `${namespace}/${name}`,
            reason: messageOf(error),
          });
        }
      }
    },
  };
}

interface Entry {
  readonly namespace: string;
  readonly name: string;
  since: number;
}
