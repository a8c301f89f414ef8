import { messageOf } from "./errors.ts";
import type { Cause } from "./run.ts";
import { between, MINUTE, type Timestamp } from "./time.ts";

const HOUR = 60 * MINUTE;
/** Long enough for people to notice and to mend what they have taken away, such as a right. */
const LIMIT_MS = 24 * HOUR;

/**
 * How a run ends for whose job nobody could look since `since`, and why the last look failed: lost, after a
 * day. Undefined before that. Pure.
 */
export function neverSearched(since: Timestamp, now: Timestamp, error: unknown): Cause | undefined {
  const waited = between(since, now);
  if (waited < LIMIT_MS) return undefined;
  const hours = Math.floor(waited / HOUR);
  const message = `for ${hours} hours nobody could find out whether its launch has a job, which may be running; the last try: ${messageOf(error)}`;
  return { type: "lost", message };
}
