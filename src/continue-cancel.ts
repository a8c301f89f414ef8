import type { App } from "./app.ts";
import { backendOf } from "./jobs.ts";
import { lookForJob, type Searched, type Unsearched } from "./look-for-job.ts";
import { move } from "./move.ts";
import type { Cancelling, Cause, Run } from "./run.ts";
import { REQUESTED } from "./state-after.ts";
import { MINUTE, plus, type Timestamp } from "./time.ts";

/** After so long without an effect a job is asked to stop again. */
const CANCEL_AGAIN_MS = MINUTE;
/** Nothing is found so often, so far apart, before a cancelled launch counts as never made. */
const CANCEL_MISSES = 2;
const CANCEL_MISS_MS = 5 * MINUTE;

/** A run that is being cancelled. */
export type CancellingRun = Run & { readonly state: Cancelling };

/**
 * Goes on with a cancellation: asks again that the job is stopped, or looks whether the cancelled launch has
 * made one. Throws what keeps anybody from looking; after a day of that the run ends as lost.
 */
export async function continueCancel(app: App, run: CancellingRun, now: Timestamp): Promise<void> {
  const looked = await searched(app, run);
  if ("error" in looked) return notSearched(app, run, looked);
  const { backend, job } = looked;
  const { unsearchedSince: _, ...state } = run.state;
  if (job === undefined) return missed(app, { ...run, state }, now);
  const next = { ...state, job, until: plus(now, CANCEL_AGAIN_MS) };
  const moved = await move(app, run, { event: "cancel", next });
  // Whoever moved it first asks.
  if (moved !== undefined) await backend.cancel(job);
}

async function searched(app: App, run: CancellingRun): Promise<Searched | Unsearched> {
  const { state } = run;
  if (state.job === undefined) return lookForJob(app, run);
  return { backend: await backendOf(app, state), job: state.job };
}

/** Notes since when nobody can look for the job, and throws why; after a day of that the run ends. */
async function notSearched(
  app: App,
  run: CancellingRun,
  { since, error, cause }: Unsearched,
): Promise<void> {
  const { state } = run;
  if (cause !== undefined) return end(app, run, { type: "crashed", cause });
  if (state.unsearchedSince === undefined) {
    await move(app, run, { event: "cancel", next: { ...state, unsearchedSince: since } });
  }
  throw error;
}

/** Notes that a cancelled launch has no job to be seen; the second time in a row it never had one. */
async function missed(app: App, run: CancellingRun, now: Timestamp): Promise<void> {
  const { state } = run;
  const misses = state.misses + 1;
  if (misses >= CANCEL_MISSES) return end(app, run, { type: "cancelled", cause: REQUESTED });
  const next = { ...state, misses, until: plus(now, CANCEL_MISS_MS) };
  await move(app, run, { event: "cancel", next });
}

async function end(
  app: App,
  run: CancellingRun,
  how: { readonly type: "cancelled" | "crashed"; readonly cause: Cause },
): Promise<void> {
  const { agent, target, launch } = run.state;
  await move(app, run, { event: "end", next: { ...how, agent, target, launch } });
}
