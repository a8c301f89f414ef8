import type { App } from "../app.ts";
import type { Backend, LaunchPlan } from "../backend.ts";
import { namedAgent } from "../jobs.ts";
import { lookForJob, type Unsearched } from "../look-for-job.ts";
import { move } from "../move.ts";
import type { RunRequest } from "../request.ts";
import type { Cause, Launching, Run } from "../run.ts";
import { between, MINUTE, plus, timestamp } from "../time.ts";
import {
  endLaunch,
  type LaunchingRun,
  launchFailed,
  launchNow,
  leaveOpen,
  submitted,
} from "./launch.ts";
import { launchRequest } from "./launch-request.ts";

/**
 * A launch first written longer ago is never made again: what a platform remembers of it has faded,
 * and at most once beats at least once.
 */
export const RELAUNCH_LIMIT_MS = 30 * MINUTE;

/**
 * Takes over a launch whose lease is over: whoever had it may have died before or after the job was
 * started. Looks for the job first and launches only if there is none. Returns false, and has done nothing,
 * if somebody else moved the run first.
 */
export async function takeOver(
  app: App,
  run: Run,
  { state, request }: { readonly state: Launching; readonly request: RunRequest },
): Promise<boolean> {
  const now = timestamp(app.now());
  const { sent: _, ...rest } = state;
  const until = plus(now, app.launchLeaseMs);
  const next: Launching = { ...rest, open: true, by: app.newId(), until };
  const taken = await move(app, run, { event: "take over", next });
  if (taken !== undefined) await goOn(app, { ...taken, state: next }, request);
  return taken !== undefined;
}

async function goOn(app: App, run: LaunchingRun, request: RunRequest): Promise<void> {
  const looked = await lookForJob(app, run);
  if ("error" in looked) return notSearched(app, run, looked);
  const { unsearchedSince: _, ...state } = run.state;
  const launching = { ...run, state };
  const { backend, job } = looked;
  try {
    if (job !== undefined) return await submitted(app, launching, { backend, job });
    const plan = await planAgain(app, launching, { backend, request });
    if (plan !== undefined) await launchNow(app, run, { state, plan });
  } catch (error) {
    await launchFailed(app, launching, error);
  }
}

/** Leaves a launch open of which nobody can say whether it has a job, or ends it after a day of that. */
async function notSearched(
  app: App,
  run: LaunchingRun,
  { since, error, cause }: Unsearched,
): Promise<void> {
  if (cause !== undefined) return endLaunch(app, run, cause);
  await leaveOpen(app, { ...run, state: { ...run.state, unsearchedSince: since } }, error);
}

/** The same launch, planned again; undefined, and the run ended, if it may not be made any more. */
async function planAgain(
  app: App,
  run: LaunchingRun,
  { backend, request }: { readonly backend: Backend; readonly request: RunRequest },
): Promise<LaunchPlan | undefined> {
  const { state } = run;
  if (between(state.first, timestamp(app.now())) > RELAUNCH_LIMIT_MS) {
    await endLaunch(app, run, neverFound(state));
    return undefined;
  }
  const plan = await backend.plan(
    launchRequest(run, request, { agent: namedAgent(app, state), launch: state.launch }),
  );
  if (plan.target === state.target) return plan;
  await endLaunch(app, run, movedAway(state, plan.target));
  return undefined;
}

function neverFound({ detail }: Launching): Cause {
  const why = detail === undefined ? "" : `; the last try: ${detail}`;
  const message = `no job was found for half an hour after its launch was begun${why}`;
  return { type: "lost", message };
}

/** Why a launch is not made again where its agent works now: elsewhere its key protects nothing. */
function movedAway({ agent, target }: Launching, now: string): Cause {
  const message = `its launch was begun at ${target}, and agent ${agent} now works at ${now}`;
  return { type: "lost", message };
}
