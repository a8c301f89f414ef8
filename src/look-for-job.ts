import type { App } from "./app.ts";
import type { Backend } from "./backend.ts";
import { messageOf } from "./errors.ts";
import { backendOf, findJob, keyOf } from "./jobs.ts";
import type { Cancelling, Cause, Job, Launching, Run } from "./run.ts";
import { between, MINUTE, type Timestamp, timestamp } from "./time.ts";

const HOUR = 60 * MINUTE;
/** Long enough for people to notice and to mend what they have taken away, such as a right. */
const LIMIT_MS = 24 * HOUR;

/** What a look for the job of a launch has found. */
export interface Searched {
  readonly backend: Backend;
  /** Undefined if the launch has none to be seen. */
  readonly job: Job | undefined;
}

/** Nobody can say whether a launch has a job. */
export interface Unsearched {
  /** Since when, every time it was tried. */
  readonly since: Timestamp;
  /** What was in the way this time. */
  readonly error: unknown;
  /** How the run ends, once that has gone on for a day. */
  readonly cause: Cause | undefined;
}

/** Looks for the job of a launch. Changes nothing and throws nothing. */
export async function lookForJob(
  app: App,
  run: Run & { readonly state: Launching | Cancelling },
): Promise<Searched | Unsearched> {
  const { state } = run;
  try {
    const backend = await backendOf(app, state);
    return { backend, job: await findJob(app, backend, keyOf(run, state)) };
  } catch (error) {
    const now = timestamp(app.now());
    const { unsearchedSince: since = now } = state;
    return { since, error, cause: neverSearched(between(since, now), error) };
  }
}

/** A final state never changes, so no second launch follows although the first may have a job. */
function neverSearched(waited: number, error: unknown): Cause | undefined {
  if (waited < LIMIT_MS) return undefined;
  const hours = Math.floor(waited / HOUR);
  const message = `for ${hours} hours nobody could find out whether its launch has a job, which may be running; the last try: ${messageOf(error)}`;
  return { type: "lost", message };
}
