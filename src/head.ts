import { brief } from "./brief.ts";
import { PermanentError } from "./errors.ts";
import { type Job, type Run, type RunState, sinceAfter } from "./run.ts";
import { MAX_BODY_BYTES, type Move, type NewRun } from "./store.ts";

/** Longer addresses are none that a browser opens. */
const LONGEST_URL = 2_000;

/** A write that moves a run. */
export interface Change extends Move {
  readonly run: Run;
  readonly next: RunState;
}

/** The head that a new run begins with. Pure; the same in every store. */
export function firstHead(given: Omit<NewRun, "body">): Run {
  const { id, name, flow, labels, backend, place, createdAt, state } = given;
  const run = { id, name, flow, labels, backend, place, createdAt, state };
  return plain({ ...run, since: createdAt, launches: launchNumber(state), revision: 1 });
}

/** The head of a run after it was moved. Pure; the same in every store. */
export function nextHead({ run, next, now, place }: Change): Run {
  return plain({
    ...run,
    state: next,
    since: sinceAfter(run, next, now),
    place: place ?? run.place,
    launches: Math.max(run.launches, launchNumber(next)),
    revision: run.revision + 1,
  });
}

/** Throws `PermanentError` ("too_large") for the body of a run, as JSON text, that no store takes. */
export function refuseLargeBody(id: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_BODY_BYTES) return;
  throw new PermanentError(
    "too_large",
    `run ${id} takes ${bytes} bytes to store: expected at most ${MAX_BODY_BYTES}; store large parameters elsewhere and pass their address`,
  );
}

function launchNumber(state: RunState): number {
  return ("launch" in state ? state.launch : undefined) ?? 0;
}

/** What a later reader will get: a copy, without members that are undefined, and with texts cut to size. */
function plain(run: Run): Run {
  return JSON.parse(JSON.stringify({ ...run, state: bounded(run.state) })) as Run;
}

/** Texts of platforms and of users may have any length. */
function bounded(state: RunState): RunState {
  switch (state.type) {
    case "scheduled":
    case "cancelling":
      return state;
    case "waiting":
      return { ...state, message: brief(state.message) };
    case "launching":
      return state.detail === undefined ? state : { ...state, detail: brief(state.detail) };
    case "submitted":
    case "running":
      return { ...state, job: boundedJob(state.job) };
    case "succeeded":
    case "failed":
    case "crashed":
    case "timed_out":
    case "cancelled": {
      const cause = { ...state.cause, message: brief(state.cause.message) };
      return {
        ...state,
        cause,
        ...(state.job === undefined ? {} : { job: boundedJob(state.job) }),
      };
    }
  }
}

/** The page of a job is a help for people only: one whose address is too long is left out. */
function boundedJob({ url, ...job }: Job): Job {
  return url === undefined || url.length > LONGEST_URL ? job : { ...job, url };
}
