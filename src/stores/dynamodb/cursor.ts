import { invalid } from "../../errors.ts";

/** The most bytes a sort key may have. */
const MAX_BYTES = 1_024;

/** A cursor that holds where a page has ended. */
export function writePosition(position: string): string {
  return Buffer.from(position).toString("base64url");
}

/** Where a page has ended. Throws `PermanentError` ("invalid") for a cursor that is not one of ours. */
export function readPosition(cursor: string, pattern: RegExp): string {
  const position = Buffer.from(cursor, "base64url").toString();
  if (pattern.test(position) && Buffer.byteLength(position) <= MAX_BYTES) return position;
  throw invalid("the page asked for", [
    { path: "cursor", message: "expected the cursor of a page before, got another text" },
  ]);
}
