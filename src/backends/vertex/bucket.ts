import { MINUTE } from "../../time.ts";

/**
 * Tokens for calls of which a platform takes so many a minute: the moments at which taken ones come
 * back, in milliseconds and in order. A token comes back a minute after it was taken, so no minute,
 * wherever it begins, sees more calls than there are tokens.
 */
export type Bucket = readonly number[];

/** Nothing taken. */
export const FULL: Bucket = [];

/** What came of taking a token. */
export type Taken =
  | { readonly taken: true; readonly bucket: Bucket }
  /** None is left; the next one comes back in `waitMs` milliseconds. */
  | { readonly taken: false; readonly bucket: Bucket; readonly waitMs: number };

/** Takes one of `size` tokens at `now`, if one is there. Pure. */
export function take(bucket: Bucket, size: number, now: number): Taken {
  const away = bucket.filter((back) => back > now);
  const first = away[away.length - size];
  if (first === undefined) return { taken: true, bucket: [...away, now + MINUTE] };
  return { taken: false, bucket: away, waitMs: first - now };
}

/**
 * Empties a bucket because the platform itself said "too often": others use the same limit. The tokens
 * come back one by one over the next minute, not all at once. Pure.
 */
export function drain(size: number, now: number): Bucket {
  return Array.from({ length: size }, (_, index) => now + ((index + 1) * MINUTE) / size);
}
