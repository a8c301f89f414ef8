import { inTime, unlessAborted } from "./abort.ts";
import { matchAgent } from "./agent.ts";
import type { App } from "./app.ts";
import { chunks } from "./chunks.ts";
import { type CancellingRun, continueCancel } from "./continue-cancel.ts";
import { waitForSomeAgent } from "./dispatch/decide.ts";
import { messageOf } from "./errors.ts";
import { backendOf } from "./jobs.ts";
import type { LogFields } from "./log.ts";
import { judgeHosts } from "./lost-hosts.ts";
import { move } from "./move.ts";
import { applyObservation } from "./observe.ts";
import type { OutgoingMessage } from "./queue.ts";
import {
  CLOUD,
  type Job,
  jobOf,
  type Launch,
  type Launching,
  type Run,
  type Scheduled,
  type Waiting,
} from "./run.ts";
import { referenceTo } from "./schedule.ts";
import { between, SECOND, type Timestamp, timestamp } from "./time.ts";

/** How many runs a tick takes from the store before it works on them. */
const PAGE = 500;
/** The longest a tick works on a page, whatever hangs: a platform, the queue or the store. */
export const PAGE_MS = 10 * SECOND;
/** For so long, in milliseconds, a backend begins to delete what is over; what is left is done in later ticks. */
export const TIDY_MS = 1.5 * SECOND;
/** For so long a tick waits for it, so that what was begun is answered: a function stands still behind a tick. */
export const TIDY_WAIT_MS = 2.5 * SECOND;
/** So many messages are sent with one call, and noted before others whose call may hang. */
const SEND_BATCH = 10;

/**
 * One tick: every run of this place that is due goes on to its next state. Runs whose message may be
 * lost are sent again, jobs are asked how they are, in one go for each agent, and cancelled runs are
 * followed to their end. What is over is tidied up behind them. At last the cloud judges the hosts of remote agents, whose runs it leaves alone
 * otherwise.
 *
 * A failure of one agent or one run is logged and harms no other; the next tick tries again. `signal`
 * breaks the tick off between two pages, so the tick ends `PAGE_MS` after it at the latest, if the store
 * gives its due runs in time.
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
  if (app.place !== CLOUD || signal?.aborted) return;
  const ended = signal ?? new AbortController().signal;
  await guarded(app, { work: "judge hosts" }, async () => {
    await unlessAborted(ended, judgeHosts(app, ended));
  });
}

/**
 * Everything of a page is done side by side, each part for runs in other states, and all of it within
 * `PAGE_MS`. What is late is logged and left to itself; the next tick does it again.
 */
async function workOn(app: App, page: readonly Run[], now: Timestamp): Promise<void> {
  if (page.length === 0) return;
  const patience = app.timeout(PAGE_MS);
  const part = (fields: LogFields, work: () => Promise<void>): Promise<boolean> =>
    guarded(app, fields, () => inTime(patience, PAGE_MS, work()));
  const sendable = page.filter((run): run is Sendable => isSendable(app, run));
  const jobs = page.filter(hasJob).filter((run) => app.looks(run, now));
  await Promise.all([
    ...chunks(sendable, SEND_BATCH).map((runs) =>
      part({ messages: runs.length }, () => sendAgain(app, runs)),
    ),
    ...page.map((run) => part({ runId: run.id }, () => followUp(app, run, now))),
    ...[...Map.groupBy(jobs, ({ state }) => state.agent)].map(async ([agent, runs]) => {
      if (!(await part({ agent }, () => inspect(app, agent, runs)))) return;
      await guarded(app, { agent, work: "tidy" }, () => tidy(app, agent, { runs, patience }));
    }),
  ]);
}

/** What a run needs of a tick beside a message and a look at its job. */
async function followUp(app: App, run: Run, now: Timestamp): Promise<void> {
  const { state } = run;
  if (isCancelling(run) && run.state.until <= now) await continueCancel(app, run, now);
  if (state.type === "waiting" && state.reason === "no_agent") await renewReason(app, run, state);
}

/** Says anew for what a run waits when other agents have become the nearest; else writes nothing. */
async function renewReason(app: App, run: Run, state: Waiting): Promise<void> {
  if (matchAgent(app.agents, run) !== undefined) return;
  const wait = waitForSomeAgent(app, run);
  if (wait.next.message !== state.message) await move(app, run, wait);
}

/** Whether the work was done; if not, that is logged. */
async function guarded(app: App, fields: LogFields, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    app.log.error("tick failed in part", { ...fields, reason: messageOf(error) });
    app.partFailed?.();
    return false;
  }
}

type Sendable = Run & { readonly state: Scheduled | Waiting | Launching };

/** Puts runs on the queue whose time has come; first the messages, then the note that they were sent. */
async function sendAgain(app: App, due: readonly Sendable[]): Promise<void> {
  // A delay counts from here on, however long the tick has been at work.
  const now = timestamp(app.now());
  await app.queue.send(due.map((run) => messageFor(run, now)));
  await Promise.all(
    due.map((run) => move(app, run, { event: "send", next: { ...run.state, sent: now } })),
  );
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
  return { body, delaySeconds: Math.max(0, Math.ceil(between(now, run.state.start) / SECOND)) };
}

/** An unfinished run whose job is known. */
type RunWithJob = Run & { readonly state: Launch & { readonly job: Job } };

function hasJob(run: Run): run is RunWithJob {
  return jobOf(run.state) !== undefined;
}

async function inspect(app: App, agent: string, runs: readonly RunWithJob[]): Promise<void> {
  const backend = await backendOf(app, { agent });
  const statuses = await backend.inspect(runs.map(({ state }) => state.job));
  // The backend has said why.
  if (statuses.includes(undefined)) app.partFailed?.();
  await Promise.all(
    runs.map(async (run, index) => {
      const status = statuses[index];
      if (status === undefined) return;
      const { launch, job } = run.state;
      const observation = { launch, job, status };
      await guarded(app, { runId: run.id }, () => applyObservation(app, run, observation));
    }),
  );
}

/** Has a backend delete what is over, in what is left of the time for a page. */
async function tidy(
  app: App,
  agent: string,
  { runs, patience }: { readonly runs: readonly RunWithJob[]; readonly patience: AbortSignal },
): Promise<void> {
  const backend = await backendOf(app, { agent });
  if (backend.tidy === undefined) return;
  const jobs = runs.map(({ state }) => state.job);
  const enough = AbortSignal.any([patience, app.timeout(TIDY_MS)]);
  const late = AbortSignal.any([patience, app.timeout(TIDY_WAIT_MS)]);
  await unlessAborted(late, backend.tidy(jobs, enough));
}

function isCancelling(run: Run): run is CancellingRun {
  return run.state.type === "cancelling";
}
