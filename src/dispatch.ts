import type { App } from "./app.ts";
import { causeOf } from "./cause.ts";
import { type Decision, decide } from "./dispatch/decide.ts";
import { type Accepted, type Intake, readBody } from "./dispatch/intake.ts";
import { launchNow } from "./dispatch/launch.ts";
import { bodyIfSame, failedRun, newRun } from "./dispatch/new-run.ts";
import { takeOver } from "./dispatch/take-over.ts";
import { announce, move } from "./move.ts";
import type { Message } from "./queue.ts";
import type { RunRequest } from "./request.ts";
import { CLOUD, type Run, type RunState } from "./run.ts";
import { referenceTo, scheduleFor } from "./schedule.ts";
import type { NewRun } from "./store.ts";
import { between, SECOND, type Timestamp, timestamp } from "./time.ts";

/** The clocks of those who send and those who receive may differ so much. */
const CLOCKS_DIFFER_MS = 5 * SECOND;

/**
 * Brings the run of a message on its way: a launched job, a run that waits and says for what, or one
 * that ended because it can never work.
 *
 * Returning means the message is handled and may be deleted; whatever is left to do is in the store,
 * where `poll` finds it. Throwing means the message should come again. Any number of handlers may work
 * on the same run at once.
 */
export async function dispatch(app: App, message: Message): Promise<void> {
  const intake = await readBody(app, message.body, message.id);
  switch (intake.type) {
    case "reference": {
      const run = await app.store.get(intake.runId);
      if (run === undefined) return storeUnknown(app, intake.runId);
      return advance(app, run);
    }
    case "faulty":
      return storeFaulty(app, intake);
    case "request":
      return dispatchNew(app, intake.id, intake.accepted);
  }
}

async function storeFaulty(app: App, intake: Intake & { type: "faulty" }): Promise<void> {
  const fresh = failedRun(app, intake, causeOf(intake.error));
  const { run, created } = await app.store.create(fresh);
  if (created) announce(app, run);
  else await bodyIfSame(app, run.id, intake.received);
}

/**
 * Whoever sends no more than an id has stored the run before, so one that is not there never will be. It is
 * stored as ended, so that somebody can see it; but a host of a remote agent is only told of stored runs,
 * so there it has been forgotten since.
 */
async function storeUnknown(app: App, id: string): Promise<void> {
  if (app.place !== CLOUD) return app.log.warn("message ignored: its run is gone", { runId: id });
  const message = `its message names run ${id}, and no such run is stored: send the flow with it`;
  const failed = { id, received: { run_id: id } };
  const { run, created } = await app.store.create(
    failedRun(app, failed, { type: "invalid", message }),
  );
  if (created) announce(app, run);
  else await advance(app, run);
}

/** A run straight from the queue: its head is created in the state that is decided for it. */
async function dispatchNew(app: App, id: string, accepted: Accepted): Promise<void> {
  const { state, delaySeconds } = scheduleFor(
    timestamp(app.now()),
    accepted.request.scheduledStart,
  );
  const fresh = newRun(app, { id, accepted }, state);
  const early = state.sent === undefined || delaySeconds !== 0;
  const decision = early
    ? undefined
    : await decide(app, { ...fresh, launches: 0 }, accepted.request);
  const { run, created } = await app.store.create(decision ? withDecision(fresh, decision) : fresh);
  if (!created) return repeat(app, run, accepted.received);
  announce(app, run);
  if (decision !== undefined) return goOn(app, run, decision);
  if (delaySeconds !== undefined) await app.queue.send([{ body: referenceTo(id), delaySeconds }]);
}

function withDecision(fresh: NewRun, decision: Decision): NewRun {
  const place = decision.event === "wait" ? decision.place : fresh.place;
  return { ...fresh, place, state: decision.next };
}

/** What is done is what is stored: the flow that a message names may have become another one since. */
async function repeat(app: App, run: Run, received: Accepted["received"]): Promise<void> {
  const body = await bodyIfSame(app, run.id, received);
  if (body !== undefined) await advance(app, run, body.request);
}

/** Does for a stored run what its state asks for. */
async function advance(app: App, run: Run, request?: RunRequest): Promise<void> {
  // Another place works on it, and finds it due without any message.
  if (run.place !== app.place) return;
  const { state } = run;
  const now = timestamp(app.now());
  if (state.type === "scheduled" && state.start > now) return sendLater(app, run, state.start);
  // It came twice, or late: the run is sent again when its time has come.
  if (state.type === "waiting" && between(now, state.until) > CLOCKS_DIFFER_MS) return;
  if (state.type === "scheduled" || state.type === "waiting") {
    return begin(app, run, await requestOf(app, run, request));
  }
  // Within its lease a launch belongs to another handler.
  if (state.type === "launching" && state.until <= now) {
    const known = await requestOf(app, run, request);
    if (!(await takeOver(app, run, { state, request: known }))) await again(app, run, known);
    return;
  }
  // Otherwise this is a message delivered twice: the run is on its way or over.
}

/** A message that came before its run may start goes back with a delay; `poll` sends those far off. */
async function sendLater(app: App, run: Run, start: Timestamp): Promise<void> {
  const { delaySeconds } = scheduleFor(timestamp(app.now()), start);
  if (delaySeconds === undefined) return;
  await app.queue.send([{ body: referenceTo(run.id), delaySeconds }]);
}

async function requestOf(app: App, run: Run, known?: RunRequest): Promise<RunRequest> {
  const request = known ?? (await app.store.body(run.id))?.request;
  if (request === undefined) throw new Error(`run ${run.id} has no stored request`);
  return request;
}

async function begin(app: App, run: Run, request: RunRequest): Promise<void> {
  const decision = await decide(app, run, request);
  if (decision.event === "wait" && alreadyWaits(run.state, decision.next)) return;
  const moved = await move(app, run, decision);
  if (moved === undefined) return again(app, run, request);
  await goOn(app, moved, decision);
}

/**
 * Goes on from what is stored by now. Whoever moved the run first has it in hand; but a tick that has sent
 * the message may also have noted just that.
 */
async function again(app: App, { id }: Run, request: RunRequest): Promise<void> {
  const run = await app.store.get(id);
  if (run !== undefined) await advance(app, run, request);
}

/** Whether a run waits for this already; to write it again would only cost. */
function alreadyWaits(state: RunState, next: Decision["next"]): boolean {
  if (state.type !== "waiting" || next.type !== "waiting") return false;
  return state.reason === next.reason && state.message === next.message && next.tries === 0;
}

async function goOn(app: App, run: Run, decision: Decision): Promise<void> {
  if (decision.event !== "launch" || run.state.type !== "launching") return;
  await launchNow(app, run, { state: run.state, plan: decision.plan });
}
