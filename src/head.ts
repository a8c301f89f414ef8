import { PermanentError } from "./errors.ts";
import { type Place, type Run, type RunState, sinceAfter } from "./run.ts";
import { MAX_BODY_BYTES, type NewRun } from "./store.ts";
import type { Timestamp } from "./time.ts";

/** A write that moves a run. */
export interface Change {
  readonly run: Run;
  readonly next: RunState;
  readonly now: Timestamp;
  /** Where it is worked on from now on; undefined leaves it where it is. */
  readonly place: Place | undefined;
}

/** The head that a new run begins with. Pure; the same in every store. */
export function firstHead(given: Omit<NewRun, "body">): Run {
  const { id, name, flow, labels, backend, place, createdAt, state } = given;
  const run = { id, name, flow, labels, backend, place, createdAt, state };
  return plain({ ...run, since: createdAt, launches: launchOf(state), revision: 1 });
}

/** The head of a run after it was moved. Pure; the same in every store. */
export function nextHead({ run, next, now, place }: Change): Run {
  return plain({
    ...run,
    state: next,
    since: sinceAfter(run, next, now),
    place: place ?? run.place,
    launches: Math.max(run.launches, launchOf(next)),
    revision: run.revision + 1,
  });
}

/** Throws `PermanentError` ("too_large") for the body of a run, as JSON text, that no store takes. */
export function refuseLargeBody(id: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_BODY_BYTES) return;
  throw new PermanentError(
    "too_large",
    `run ${id} takes ${bytes} bytes to store: expected at most ${MAX_BODY_BYTES}; pass large parameters by reference`,
  );
}

function launchOf(state: RunState): number {
  return ("launch" in state ? state.launch : undefined) ?? 0;
}

/** What a later reader will get: a copy, without members that are undefined. */
function plain(run: Run): Run {
  return JSON.parse(JSON.stringify(run)) as Run;
}
