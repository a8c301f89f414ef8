import { isFinal, type Run, type RunState } from "./run.ts";
import { between, later, MINUTE, plus, SECOND, type Timestamp } from "./time.ts";

/** How long a message on the queue may take before it counts as lost and is sent again. */
export const RESEND_MS = 2 * MINUTE;
/**
 * How long before its start a scheduled run is put on the queue, with a delay. A queue delays for a quarter
 * of an hour at most; a tick, or a round of them, that has much to do before it comes to the run may take
 * the rest without making it late.
 */
export const SEND_AHEAD_MS = 10 * MINUTE;
/**
 * The longest time between two looks at a job. ECS forgets a stopped task after an hour; even when a look
 * fails, no job goes unseen for ten minutes.
 */
export const LONGEST_LOOK_MS = 4 * MINUTE;

/**
 * When something must next be done about a run; undefined for a final one. Pure: a function of the
 * state, so it changes only together with it.
 *
 * A run that waits for an agent, and one whose job is known, is due from then on at every tick: a look
 * costs a read and writes nothing.
 */
export function dueAt(state: RunState, since: Timestamp): Timestamp | undefined {
  if (isFinal(state)) return undefined;
  switch (state.type) {
    case "scheduled":
      if (state.sent === undefined) return plus(state.start, -SEND_AHEAD_MS);
      return plus(later(state.start, state.sent), RESEND_MS);
    case "waiting":
    case "launching":
      return state.sent === undefined ? state.until : plus(state.sent, RESEND_MS);
    case "submitted":
    case "running":
      return since;
    case "cancelling":
      return state.job === undefined ? state.until : since;
  }
}

/**
 * Whether a tick asks the platform about a run whose job is known. Young jobs are looked at in every
 * tick, older ones in every second and then every fourth minute, spread by id, so none later than
 * `LONGEST_LOOK_MS` after the look before. Pure: nothing is remembered between two ticks.
 */
export function looks(run: Run, now: Timestamp): boolean {
  const every = interval(between(run.since, now));
  if (every <= 1) return true;
  const minute = Math.floor(Date.parse(now) / MINUTE);
  return minute % every === hash(run.id) % every;
}

/** Minutes between two looks at a job that has been in its state for `age` milliseconds. */
function interval(age: number): number {
  if (age < 10 * MINUTE) return 1;
  return age < 60 * MINUTE ? 2 : LONGEST_LOOK_MS / MINUTE;
}

function hash(text: string): number {
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    value = (value * 31 + text.charCodeAt(index)) % 1_000_003;
  }
  return value;
}

const FIRST_DELAY_MS = 5 * SECOND;
const LONGEST_DELAY_MS = 15 * MINUTE;

/**
 * How long to wait before the next try: anywhere up to a bound that starts at five seconds and doubles
 * to fifteen minutes, so that many runs that were refused together do not come back together.
 */
export function backoff(tries: number, random: number): number {
  const bound = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(tries, 20));
  return Math.max(SECOND, Math.round(bound * random));
}
