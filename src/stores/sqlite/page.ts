import { invalid } from "../../errors.ts";
import type { Page } from "../../store.ts";

/**
 * Makes a page of up to `limit` items out of rows of which one more was read, to see whether something
 * follows. `key` is what the cursor holds of the last item.
 */
export function pageOf<T>(
  items: readonly T[],
  limit: number,
  key: (item: T) => readonly string[],
): Page<T> {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  if (items.length <= limit || last === undefined) return { items: shown };
  return { items: shown, next: Buffer.from(JSON.stringify(key(last))).toString("base64url") };
}

/** The `size` texts a cursor holds. Throws `PermanentError` ("invalid") if it is not one of ours. */
export function readCursor(cursor: string, size: number): readonly string[] {
  const parts = parse(Buffer.from(cursor, "base64url").toString());
  if (Array.isArray(parts) && parts.length === size && parts.every(isText)) return parts;
  throw invalid("the page asked for", [
    { path: "cursor", message: "expected the cursor of a page before, got another text" },
  ]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
