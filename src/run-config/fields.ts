import * as z from "zod";
import { joinPath } from "../check.ts";
import type { Issue } from "../errors.ts";
import type { JsonObject } from "../json.ts";

/** Text, or null for what is not set; absent is null. Numbers are refused, as Prefect's loader does. */
export const text = z.string().nullable().default(null);

/** An object nobody but the backend reads, or null. */
export const object = z.record(z.string(), z.unknown()).nullable().default(null);

/** Names and values of text, such as the labels of a container. */
export const textMap = z.record(z.string(), z.string()).nullable().default(null);

/** A list of texts, or null. */
export const texts = z.array(z.string()).nullable().default(null);

/** JSON of any kind, unread. */
export const anything = z.unknown().default(null);

/**
 * Variables by name; null in place of a value removes an inherited variable. Lists and objects are
 * refused: no platform takes them, and a reference to a secret may only stand in `sluice.yml`.
 */
export const env = z
  .record(
    z.string().regex(/^[^=\0]+$/),
    z.union([z.string(), z.number(), z.boolean(), z.null()], {
      error: "expected text, a number, true, false or null",
    }),
    {
      error: ({ code }) =>
        code === "invalid_key" ? "expected the name of a variable, without = and NUL" : undefined,
    },
  )
  .nullable()
  .default(null);

/** Names the members of an object that its type does not know; undefined if there are none. */
export function unknownKeys(
  value: JsonObject,
  known: readonly string[],
  { at, type }: { readonly at: string; readonly type: string },
): string | undefined {
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length === 0) return undefined;
  const where = at === "" ? "" : `${at}: `;
  return `${where}${type} knows no ${unknown.join(", ")}; ignored`;
}

/** The issue of fields of which only one may be given, if more than one is; it stands at the second. */
export function onlyOne(given: readonly string[], at: string): readonly Issue[] {
  const [, second] = given;
  if (second === undefined) return [];
  const message = `expected only one of ${given.join(", ")}, got ${given.length} of them`;
  return [{ path: joinPath(at, [second]), message }];
}
