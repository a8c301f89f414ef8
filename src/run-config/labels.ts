import * as z from "zod";

/** Labels as they are written. They stand in the head of each run, which has no room for any number. */
export const labelList = z
  .array(z.string().max(255, "expected at most 255 characters"))
  .max(50, "expected at most 50 labels");

/** Labels in the order Prefect writes them, by code point, each once. */
export function sortedLabels(labels: Iterable<string>): readonly string[] {
  return [...new Set(labels)].sort(byCodePoint);
}

/** The default order of texts is by UTF-16 unit, which puts rare characters before common ones. */
function byCodePoint(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
