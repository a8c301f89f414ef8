import { matchAgent, whyNoAgent } from "./agent.ts";
import type { App } from "./app.ts";
import { messageOf } from "./errors.ts";
import { backendOf, findJob, keyOf } from "./jobs.ts";
import { judgeHosts } from "./lost-hosts.ts";
import { move } from "./move.ts";
import { applyObservation } from "./observe.ts";
import type { OutgoingMessage } from "./queue.ts";
import {
  type Cancelling,
  CLOUD,
  type Job,
  type Launch,
  type Launching,
  type Run,
  type Scheduled,
  type Waiting,
} from "./run.ts";
import { referenceTo } from "./schedule.ts";
import { REQUESTED } from "./state-after.ts";
import { between, MINUTE, plus, SECOND, type Timestamp, timestamp } from "./time.ts";

/** How many runs a tick takes from the store before it works on them. */
const PAGE = 500;
/** After so long without an effect a job is asked to stop again. */
const CANCEL_AGAIN_MS = MINUTE;
/** Nothing is found so often, so far apart, before a cancelled launch counts as never made. */
const CANCEL_MISSES = 2;
const CANCEL_MISS_MS = 5 * MINUTE;

/**
 * One tick: every run of this place that is due goes on to its next state. Runs whose message may be
 * lost are sent again, jobs are asked how they are, in one go for each agent, and cancelled runs are
 * followed to their end. At last the cloud judges the hosts of remote agents, whose runs it leaves alone
 * otherwise.
 *
 * A failure of one agent or one run is logged and harms no other; the next tick tries again. `signal`
 * breaks the tick off between two pages.
 */
export async function poll(app: App, signal?: AbortSignal): Promise<void> {
  const now = timestamp(app.now());
  let page: Run[] = [];
  for await (const run of app.store.due(now, app.place)) {
    page.push(run);
    if (page.length < PAGE) continue;
    await workOn(app, page, now);
    page = [];
    if (signal?.aborted) return;
  }
  await workOn(app, page, now);
  if (app.place !== CLOUD) return;
  await guarded(app, { work: "judge hosts" }, () => judgeHosts(app, signal));
}

async function workOn(app: App, page: readonly Run[], now: Timestamp): Promise<void> {
  await sendAgain(app, page, now);
  await Promise.all(
    page.map(async (run) => {
      const { state } = run;
      if (state.type !== "cancelling" || state.until > now) return;
      await guarded(app, { runId: run.id }, () => patiently(app, cancelOn(app, run, state, now)));
    }),
  );
  await Promise.all(page.map((run) => renewReason(app, run, now)));
  const jobs = page.filter(hasJob).filter((run) => app.looks(run, now));
  await Promise.all(
    [...Map.groupBy(jobs, ({ state }) => state.agent)].map(([agent, runs]) =>
      guarded(app, { agent }, () => patiently(app, inspect(app, agent, runs))),
    ),
  );
}

/** Says anew for what a run waits when other agents have become the nearest; else writes nothing. */
async function renewReason(app: App, run: Run, now: Timestamp): Promise<void> {
  const { state } = run;
  if (state.type !== "waiting" || state.reason !== "no_agent") return;
  if (matchAgent(app.agents, run) !== undefined) return;
  const message = whyNoAgent(app.agents, run);
  if (message === state.message) return;
  const next: Waiting = { type: "waiting", reason: "no_agent", message, until: now, tries: 0 };
  await guarded(
    app,
    { runId: run.id },
    async () => void (await move(app, run, { event: "wait", next })),
  );
}

/** A platform that does not answer for so long holds up its own runs only, not the tick. */
const PATIENCE_MS = 10 * SECOND;

async function patiently(app: App, work: Promise<void>): Promise<void> {
  const patience = app.timeout(PATIENCE_MS);
  const givenUp = new Promise<never>((_, reject) => {
    const late = new Error(`no answer within ${PATIENCE_MS / SECOND} seconds`);
    patience.addEventListener("abort", () => reject(late), { once: true });
  });
  await Promise.race([work, givenUp]);
}

async function guarded(
  app: App,
  fields: Readonly<Record<string, string>>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    app.log.error("tick failed in part", { ...fields, reason: messageOf(error) });
  }
}

type Sendable = Run & { readonly state: Scheduled | Waiting | Launching };

/** Puts runs on the queue whose time has come; first the message, then the note that it was sent. */
async function sendAgain(app: App, page: readonly Run[], now: Timestamp): Promise<void> {
  const due = page.filter((run): run is Sendable => isSendable(app, run));
  if (due.length === 0) return;
  await guarded(app, { messages: String(due.length) }, async () => {
    await app.queue.send(due.map((run) => messageFor(run, now)));
    await Promise.all(
      due.map((run) => move(app, run, { event: "send", next: { ...run.state, sent: now } })),
    );
  });
}

function isSendable(app: App, run: Run): run is Sendable {
  const { state } = run;
  switch (state.type) {
    case "scheduled":
    case "launching":
      return true;
    case "waiting":
      // Only a look: the run goes on as soon as an agent fits, and until then nothing is written.
      return state.reason !== "no_agent" || matchAgent(app.agents, run) !== undefined;
    default:
      return false;
  }
}

function messageFor(run: Sendable, now: Timestamp): OutgoingMessage {
  const body = referenceTo(run.id);
  if (run.state.type !== "scheduled") return { body };
  // It is due two minutes before its start, so no delay is longer than the queue takes.
  return { body, delaySeconds: Math.max(0, Math.ceil(between(now, run.state.start) / SECOND)) };
}

/** An unfinished run whose job is known. */
type RunWithJob = Run & { readonly state: Launch & { readonly job: Job } };

function hasJob(run: Run): run is RunWithJob {
  return "job" in run.state && run.state.job !== undefined;
}

async function inspect(app: App, agent: string, runs: readonly RunWithJob[]): Promise<void> {
  const backend = await backendOf(app, { agent });
  const statuses = await backend.inspect(runs.map(({ state }) => state.job));
  for (const [index, run] of runs.entries()) {
    const status = statuses[index];
    if (status === undefined) continue;
    const { launch, job } = run.state;
    const observation = { launch, job, status };
    await guarded(app, { runId: run.id }, () => applyObservation(app, run, observation));
  }
}

/** Asks again that a job is stopped, or looks whether a cancelled launch has made one. */
async function cancelOn(app: App, run: Run, state: Cancelling, now: Timestamp): Promise<void> {
  const backend = await backendOf(app, state);
  const job = state.job ?? (await findJob(app, backend, keyOf(run, state)));
  if (job === undefined) return missed(app, run, state, now);
  const next = { ...state, job, until: plus(now, CANCEL_AGAIN_MS) };
  const moved = await move(app, run, { event: "cancel", next });
  // Whoever moved it first asks.
  if (moved !== undefined) await backend.cancel(job);
}

/** Notes that a cancelled launch has no job to be seen; the second time in a row it never had one. */
async function missed(app: App, run: Run, state: Cancelling, now: Timestamp): Promise<void> {
  const misses = state.misses + 1;
  if (misses < CANCEL_MISSES) {
    const next = { ...state, misses, until: plus(now, CANCEL_MISS_MS) };
    await move(app, run, { event: "cancel", next });
    return;
  }
  const { agent, target, launch } = state;
  const next = { type: "cancelled", cause: REQUESTED, agent, target, launch } as const;
  await move(app, run, { event: "end", next });
}
