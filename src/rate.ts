import { MINUTE, SECOND } from "./time.ts";

/** How many launches are allowed in how long; a fraction of one means that they are rare. */
export interface Rate {
  readonly launches: number;
  readonly per: "second" | "minute";
}

/**
 * Tokens for launches, one of which is taken for each. A token comes back a period after it was taken, so
 * no period, wherever it begins, sees more launches than there are tokens.
 */
export interface Bucket {
  /** The moments at which tokens that were taken come back, in milliseconds and in order. */
  readonly away: readonly number[];
  /** Part of the rate that was left after the platform last said "too often": 1 is all of it. */
  readonly part: number;
  /** When that was, in milliseconds. */
  readonly halved: number;
}

/** Nothing taken, and never asked too often. */
export const FULL: Bucket = { away: [], part: 1, halved: Number.NEGATIVE_INFINITY };

/** What came of taking a token. */
export type Taken =
  /** It is there in `waitMs` milliseconds, often at once, and nobody else gets it. */
  | { readonly taken: true; readonly bucket: Bucket; readonly waitMs: number }
  /** None is left; the next one comes back in `waitMs` milliseconds at the latest. */
  | { readonly taken: false; readonly bucket: Bucket; readonly waitMs: number };

/** The smallest part of a rate that is left, however often a platform says "too often". */
const SMALLEST_PART = 1 / 64;

/** The part of a rate one of several processes may use that launch side by side. Pure. */
export function shareOf(rate: Rate, processes: number): Rate {
  return { ...rate, launches: rate.launches / Math.max(1, processes) };
}

/**
 * Takes a token at `now`, if one is there within `patienceMs`: whoever takes it then waits for it. A rate
 * of less than one launch a period is one launch in a longer period. Pure.
 */
export function take(
  bucket: Bucket,
  rate: Rate,
  { now, patienceMs = 0 }: { readonly now: number; readonly patienceMs?: number },
): Taken {
  const { tokens, periodMs } = tokensAt(bucket, rate, now);
  // A clock that was set back must not keep tokens away for longer than they ever are.
  const latest = now + patienceMs + periodMs;
  const away = bucket.away.filter((back) => back > now).map((back) => Math.min(back, latest));
  const free = away[away.length - tokens] ?? now;
  const waitMs = free - now;
  if (waitMs > patienceMs) return { taken: false, bucket: { ...bucket, away }, waitMs };
  const taken = [...away, free + periodMs].sort((a, b) => a - b);
  return { taken: true, bucket: { ...bucket, away: taken }, waitMs };
}

/**
 * Halves the rate because the platform has said "too often" to a call made at `sent`: others use the same
 * limit. Tokens come back one by one, not all at once, and the rate doubles again with each minute. Calls
 * made before the last halving say nothing new. Pure.
 */
export function halve(
  bucket: Bucket,
  rate: Rate,
  { now, sent }: { readonly now: number; readonly sent: number },
): Bucket {
  if (sent <= bucket.halved) return bucket;
  const part = Math.max(SMALLEST_PART, partAt(bucket, now) / 2);
  const next = { away: [], part, halved: now };
  const { tokens, periodMs } = tokensAt(next, rate, now);
  const away = Array.from(
    { length: tokens },
    (_, index) => now + ((index + 1) * periodMs) / tokens,
  );
  return { ...next, away };
}

/** Whether a bucket says no more than a new one. Pure. */
export function isFull(bucket: Bucket, now: number): boolean {
  return partAt(bucket, now) === 1 && bucket.away.every((back) => back <= now);
}

/** Whole tokens, and the period in which each of them may be used once. */
function tokensAt(bucket: Bucket, { launches, per }: Rate, now: number) {
  const allowed = launches * partAt(bucket, now);
  const tokens = Math.max(1, Math.floor(allowed));
  return { tokens, periodMs: (PERIODS_MS[per] * tokens) / allowed };
}

const PERIODS_MS = { second: SECOND, minute: MINUTE } as const;

/** Clocks may be set back; a rate is never less than it was halved to. */
function partAt({ part, halved }: Bucket, now: number): number {
  return part === 1 ? 1 : Math.min(1, part * 2 ** (Math.max(0, now - halved) / MINUTE));
}
