import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../store.ts";

/** How many items a page may have: 50 unless asked for, from 1 to 500. */
export function pageLimit(limit = DEFAULT_PAGE_SIZE): number {
  return Math.max(1, Math.min(limit, MAX_PAGE_SIZE));
}
