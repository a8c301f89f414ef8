import * as z from "zod";

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
