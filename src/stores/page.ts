const DEFAULT_LIMIT = 50;
const LARGEST_LIMIT = 500;

/** How many items a page may have: 50 unless asked for, from 1 to 500. */
export function pageLimit(limit = DEFAULT_LIMIT): number {
  return Math.max(1, Math.min(limit, LARGEST_LIMIT));
}
