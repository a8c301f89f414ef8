/**
 * A moment as text: ISO 8601 in UTC with milliseconds, as `Date.toISOString` writes it. Two of them
 * compare as text, so states stay plain JSON.
 */
export type Timestamp = string;

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;

/** The timestamp of a date. */
export function timestamp(date: Date): Timestamp {
  return date.toISOString();
}

/** The moment `ms` milliseconds after (or, if negative, before) another. */
export function plus(moment: Timestamp, ms: number): Timestamp {
  return new Date(Date.parse(moment) + ms).toISOString();
}

/** The later of two moments. */
export function later(a: Timestamp, b: Timestamp): Timestamp {
  return a > b ? a : b;
}

/** How many milliseconds lie between two moments. */
export function between(start: Timestamp, end: Timestamp): number {
  return Date.parse(end) - Date.parse(start);
}
