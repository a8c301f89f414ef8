import * as z from "zod";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../store.ts";

/** A whole number in a query: digits alone, within bounds that are part of it. */
export function wholeNumber({
  least,
  most = Number.MAX_SAFE_INTEGER,
}: {
  readonly least: number;
  readonly most?: number;
}): z.ZodType<number, string> {
  const bounds =
    most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return z
    .string()
    .refine(
      (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
      `expected a whole number ${bounds}`,
    )
    .transform(Number);
}

/** How many items of a list are asked for. */
export const pageSize = wholeNumber({ least: 1, most: MAX_PAGE_SIZE });

/** How the API describes `pageSize`. */
export const PAGE_SIZE_TEXT = `How many to list: 1 to ${MAX_PAGE_SIZE}, default ${DEFAULT_PAGE_SIZE}.`;
