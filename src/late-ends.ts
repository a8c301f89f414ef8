import type { App } from "./app.ts";
import { messageOf } from "./errors.ts";
import { isGivenUp, tellLate } from "./given-up.ts";
import { backendOf } from "./jobs.ts";
import { type Job, jobOf, type Run } from "./run.ts";
import type { Page } from "./store.ts";
import { MINUTE, plus, type Timestamp } from "./time.ts";

/** So many jobs are asked about at once. */
const PAGE = 200;
/** So many pages are looked at: on a busy table, 100,000 runs. */
const MOST_PAGES = 20;
/** A host launches until its next beat is late, and clocks differ. */
const LEEWAY_MS = MINUTE;

/**
 * Asks about the jobs of runs that were given up as lost while the host of this place was away, and logs
 * what became of them. Looks at the runs made before it was last seen, the newest first, until it has
 * looked at all or at very many; then, or if `signal` is aborted, it logs how far it came. Changes nothing. A
 * platform that cannot be asked is logged and not asked again.
 */
export async function tellLateEnds(
  app: App,
  lastSeen: Timestamp,
  signal?: AbortSignal,
): Promise<void> {
  const before = plus(lastSeen, LEEWAY_MS);
  const query = { state: "crashed", agent: app.place, before, limit: PAGE } as const;
  let page: Page<Run> = { items: [] };
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const { next: cursor } = page;
    page = await app.store.list({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    const lost = page.items.filter((run) => isGivenUp(app, run)).flatMap(withJob);
    if (lost.length > 0 && !(await tellAll(app, lost))) return;
    if (page.next === undefined) return;
    if (signal?.aborted) break;
  }
  const lookedBackTo = page.lookedBackTo ?? page.items.at(-1)?.createdAt;
  app.log.warn("older lost runs not looked for", { agent: app.place, before: lookedBackTo });
}

interface LostJob {
  readonly run: Run;
  readonly job: Job;
}

/** A launch that was given up may have no job. */
function withJob(run: Run): readonly LostJob[] {
  const job = jobOf(run.state);
  return job === undefined ? [] : [{ run, job }];
}

/** Whether the platform has answered. */
async function tellAll(app: App, lost: readonly LostJob[]): Promise<boolean> {
  try {
    const backend = await backendOf(app, { agent: app.place });
    const statuses = await backend.inspect(lost.map(({ job }) => job));
    for (const [index, { run, job }] of lost.entries()) {
      const status = statuses[index];
      if (status !== undefined) tellLate(app, run, { job, status });
    }
    return true;
  } catch (error) {
    app.log.warn("jobs of lost runs not asked about", { reason: messageOf(error) });
    return false;
  }
}
