import { MAX_DELAY_SECONDS } from "./queue.ts";
import type { Scheduled } from "./run.ts";
import { between, later, SECOND, type Timestamp } from "./time.ts";

/** The first state of a run, and how its message goes on the queue. */
export interface Schedule {
  readonly state: Scheduled;
  /** How long its message stays hidden; undefined if `poll` sends it when its start is near. */
  readonly delaySeconds: number | undefined;
}

/** When a run starts and how its message is sent: at once, with a delay to the second, or by `poll`. */
export function scheduleFor(now: Timestamp, start: Timestamp = now): Schedule {
  const at = later(start, now);
  const delaySeconds = Math.ceil(between(now, at) / SECOND);
  if (delaySeconds > MAX_DELAY_SECONDS) {
    return { state: { type: "scheduled", start: at }, delaySeconds: undefined };
  }
  return { state: { type: "scheduled", start: at, sent: now }, delaySeconds };
}

/** The message that names a stored run. */
export function referenceTo(runId: string): string {
  return JSON.stringify({ run_id: runId });
}
