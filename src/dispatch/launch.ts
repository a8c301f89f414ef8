import type { App } from "../app.ts";
import type { Backend, LaunchAnswer, LaunchPlan } from "../backend.ts";
import { causeOf } from "../cause.ts";
import { backoff } from "../due.ts";
import { messageOf, PermanentError } from "../errors.ts";
import { backendOf, keyOf } from "../jobs.ts";
import { move } from "../move.ts";
import { applyObservation } from "../observe.ts";
import {
  type Cause,
  isFinal,
  type Job,
  type Launching,
  type Run,
  type RunState,
  type Waiting,
} from "../run.ts";
import { launchOf, MISSING_GRACE_MS } from "../state-after.ts";
import { between, MINUTE, plus, SECOND, timestamp } from "../time.ts";

/** A platform without room, or with a limit reached, is not asked again sooner. */
const CAPACITY_PAUSE_MS = 2 * MINUTE;
/** A refusal that waiting rarely cures is believed when it has come so often in a row. */
const MOST_REFUSALS = 5;

/** The effect is broken off so long before its lease ends, so that two handlers never overlap. */
const LEASE_MARGIN_MS = 5 * SECOND;

/** A run that is being launched. */
export type LaunchingRun = Run & { readonly state: Launching };

/**
 * Starts the job of a run that this handler has just written as `launching`, and writes what came of
 * it. Whatever stays open, such as an answer that never came, stays `launching` until its lease ends.
 */
export async function launchNow(
  app: App,
  run: Run,
  { state, plan }: { readonly state: Launching; readonly plan: LaunchPlan },
): Promise<void> {
  const launching = { ...run, state };
  try {
    const backend = await backendOf(app, state);
    const left = between(timestamp(app.now()), state.until) - LEASE_MARGIN_MS;
    if (left <= 0) throw new Error("the lease was over before the platform could be asked");
    const signal = app.timeout(left);
    const answer = await backend.launch(plan, keyOf(run, state), signal);
    await settle(app, launching, { backend, answer });
  } catch (error) {
    await launchFailed(app, launching, error);
  }
}

/** Writes what a platform answered. */
async function settle(
  app: App,
  run: LaunchingRun,
  { backend, answer }: { readonly backend: Backend; readonly answer: LaunchAnswer },
): Promise<void> {
  switch (answer.type) {
    case "launched":
      return submitted(app, run, { backend, job: answer.job });
    case "throttled":
      return notLookedAt(app, run, { reason: "throttled", message: answer.message });
    case "unavailable":
      return notLookedAt(app, run, { reason: "agent", message: answer.message });
    case "refused":
      return refused(app, run, answer);
  }
}

/** Writes which job a launch has; stops it if its run is over by then. */
export async function submitted(
  app: App,
  run: LaunchingRun,
  { backend, job }: { readonly backend: Backend; readonly job: Job },
): Promise<void> {
  const next: RunState = { type: "submitted", ...launchOf(run.state), job };
  if ((await move(app, run, { event: "submit", next })) !== undefined) return;
  // Somebody moved it meanwhile. If it was cancelled, or given up, this handler alone knows the job.
  const newest = await app.store.get(run.id);
  if (newest === undefined || !isUnwanted(newest.state, job)) return;
  app.log.warn("job stopped: its run is over", { runId: run.id, job: job.id });
  const { launch } = run.state;
  await applyObservation(app, newest, { launch, job, status: { type: "pending" } });
  await backend.cancel(job);
}

function isUnwanted(state: RunState, job: Job): boolean {
  return state.type === "cancelling" || (isFinal(state) && state.job?.id !== job.id);
}

/**
 * The platform was not asked, or did not look: the same launch goes on later. If an earlier try was left
 * open, it stays a launch, for a run that waits is cancelled or abandoned without a look for its job.
 */
async function notLookedAt(
  app: App,
  run: LaunchingRun,
  { reason, message }: Pick<Waiting, "reason" | "message">,
): Promise<void> {
  const { state } = run;
  const until = plus(timestamp(app.now()), backoff(state.tries, app.random()));
  const tries = state.tries + 1;
  if (state.open === true) {
    await move(app, run, { event: "release", next: { ...state, tries, detail: message, until } });
    return;
  }
  const { agent } = state;
  const pending = launchOf(state);
  const next: Waiting = {
    type: "waiting",
    reason,
    message,
    until,
    tries,
    agent,
    pending,
    ...(state.refusals === undefined ? {} : { refusals: state.refusals }),
  };
  await move(app, run, { event: "wait", next });
}

/** The platform has used the key up: a new launch is made later, unless a job shows up after all. */
async function refused(
  app: App,
  run: LaunchingRun,
  { message, hint, stopped }: LaunchAnswer & { readonly type: "refused" },
): Promise<void> {
  const { state } = run;
  const refusals = hint === "configuration" ? (state.refusals ?? 0) + 1 : 0;
  if (refusals >= MOST_REFUSALS) return endLaunch(app, run, { type: "rejected", message });
  const pause = hint === "capacity" ? CAPACITY_PAUSE_MS : 0;
  const next: Waiting = {
    type: "waiting",
    reason: "capacity",
    message,
    until: plus(timestamp(app.now()), pause + backoff(state.tries, app.random())),
    tries: state.tries + 1,
    agent: state.agent,
    ...(stopped === true ? {} : { refused: launchOf(state) }),
    ...(refusals === 0 ? {} : { refusals }),
  };
  await move(app, run, { event: "wait", next });
}

/**
 * A launch refused for good ends its run, unless an earlier try was left open and its job may just not
 * show yet. Any other failure leaves open what happened; nobody is at work any more, so the next try need
 * not wait for the end of the lease.
 */
export async function launchFailed(app: App, run: LaunchingRun, error: unknown): Promise<void> {
  const { state } = run;
  const age = between(state.first, timestamp(app.now()));
  const settled = state.open !== true || age >= MISSING_GRACE_MS;
  if (error instanceof PermanentError && settled) return endLaunch(app, run, causeOf(error));
  await leaveOpen(app, run, error);
}

/** Leaves open whether a launch has a job, and says why: it is taken over after a while. */
export async function leaveOpen(app: App, run: LaunchingRun, error: unknown): Promise<void> {
  const { state } = run;
  const now = timestamp(app.now());
  const detail = messageOf(error);
  app.log.warn("launch left open", { runId: run.id, agent: state.agent, reason: detail });
  const pause = Math.min(Math.max(between(state.first, now), 5 * SECOND), 5 * MINUTE);
  await move(app, run, {
    event: "release",
    next: { ...state, open: true, detail, until: plus(now, pause) },
  });
}

/** Ends the run of a launch that has no job, or of which nobody knows whether it has one. */
export async function endLaunch(app: App, run: LaunchingRun, cause: Cause): Promise<void> {
  const { agent, target, launch } = run.state;
  await move(app, run, { event: "end", next: { type: "crashed", cause, agent, target, launch } });
}
