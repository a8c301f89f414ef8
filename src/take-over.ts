import type { App } from "./app.ts";
import type { Backend, LaunchPlan } from "./backend.ts";
import { backendOf, findJob, keyOf, namedAgent } from "./jobs.ts";
import {
  endLaunch,
  type LaunchingRun,
  launchFailed,
  launchNow,
  leaveOpen,
  submitted,
} from "./launch.ts";
import { launchRequest } from "./launch-request.ts";
import { move } from "./move.ts";
import type { RunRequest } from "./request.ts";
import type { Cause, Job, Launching, Run } from "./run.ts";
import { between, MINUTE, plus, timestamp } from "./time.ts";
import { neverSearched } from "./unsearched.ts";

/**
 * A launch first written longer ago is never made again: what a platform remembers of it has faded,
 * and at most once beats at least once.
 */
export const RELAUNCH_LIMIT_MS = 30 * MINUTE;

/**
 * Takes over a launch whose lease is over: whoever had it may have died before or after the job was
 * started. Looks for the job first and launches only if there is none.
 */
export async function takeOver(
  app: App,
  run: Run,
  { state, request }: { readonly state: Launching; readonly request: RunRequest },
): Promise<void> {
  const now = timestamp(app.now());
  const { sent: _, ...rest } = state;
  const until = plus(now, app.launchLeaseMs);
  const next: Launching = { ...rest, open: true, by: app.newId(), until };
  const taken = await move(app, run, { event: "take over", next });
  if (taken === undefined) return;
  const found = await lookForJob(app, { ...taken, state: next });
  if (found === undefined) return;
  const { unsearchedSince: _since, ...searched } = next;
  const launching = { ...taken, state: searched };
  const { backend, job } = found;
  try {
    if (job !== undefined) return await submitted(app, launching, { backend, job });
    const plan = await planAgain(app, launching, { backend, request });
    if (plan !== undefined) await launchNow(app, taken, { state: searched, plan });
  } catch (error) {
    await launchFailed(app, launching, error);
  }
}

interface Found {
  readonly backend: Backend;
  /** Absent if the launch has none. */
  readonly job?: Job;
}

/**
 * The job of a launch. Undefined if nobody can say whether there is one: the launch then is left open, or, after a
 * day of that, ended. A final state never changes, so no second launch follows.
 */
async function lookForJob(app: App, run: LaunchingRun): Promise<Found | undefined> {
  const { state } = run;
  try {
    const backend = await backendOf(app, state);
    const job = await findJob(app, backend, keyOf(run, state));
    return { backend, ...(job === undefined ? {} : { job }) };
  } catch (error) {
    const now = timestamp(app.now());
    const { unsearchedSince = now } = state;
    const cause = neverSearched(unsearchedSince, now, error);
    if (cause !== undefined) await endLaunch(app, run, cause);
    else await leaveOpen(app, { ...run, state: { ...state, unsearchedSince } }, error);
    return undefined;
  }
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
