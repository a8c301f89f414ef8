import type { App } from "./app.ts";
import { messageOf } from "./errors.ts";
import { isGivenUp, tellLate } from "./given-up.ts";
import { backendOf } from "./jobs.ts";
import type { Job, Run } from "./run.ts";

/** So many of the newest crashed runs are looked at. */
const NEWEST = 200;

/**
 * Asks about the jobs of runs that were given up as lost while the host of this place was away, and logs
 * what became of them. Changes nothing. A platform that cannot be asked is logged and not asked again.
 */
export async function tellLateEnds(app: App): Promise<void> {
  const query = { state: "crashed", agent: app.place, limit: NEWEST } as const;
  const { items } = await app.store.list(query);
  const lost = items.filter((run) => isGivenUp(app, run)).flatMap(withJob);
  if (lost.length === 0) return;
  try {
    const backend = await backendOf(app, { agent: app.place });
    const statuses = await backend.inspect(lost.map(({ job }) => job));
    for (const [index, { run, job }] of lost.entries()) {
      const status = statuses[index];
      if (status !== undefined) tellLate(app, run, { job, status });
    }
  } catch (error) {
    app.log.warn("jobs of lost runs not asked about", { reason: messageOf(error) });
  }
}

/** A launch that was given up may have no job. */
function withJob(run: Run): { readonly run: Run; readonly job: Job }[] {
  const job = "job" in run.state ? run.state.job : undefined;
  return job === undefined ? [] : [{ run, job }];
}
