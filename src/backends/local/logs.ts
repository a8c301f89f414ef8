import type { LogLine, LogPage } from "../../backend.ts";
import { PermanentError } from "../../errors.ts";
import { readPart } from "./files.ts";

/** The most bytes that a page holds. */
const PAGE_BYTES = 256 * 1024;

/**
 * A page of what a process has written, from a byte offset on. A line that is still being written waits
 * for its end, unless `ended`. `ended` must have been known before the call.
 */
export async function readLog(
  path: string,
  { after, ended }: { readonly after: string | undefined; readonly ended: boolean },
): Promise<LogPage> {
  const offset = parseCursor(after);
  const { bytes, size } = await readPart(path, { offset, most: PAGE_BYTES });
  const atEnd = offset + bytes.length >= size;
  const { lines, length } = cutLines(bytes, {
    last: ended && atEnd,
    full: bytes.length === PAGE_BYTES,
  });
  return { lines, next: String(offset + length), complete: ended && atEnd };
}

/**
 * The whole lines at the start of `bytes`, and how many bytes they take. `last`: nothing follows, so the
 * rest is a line too. `full`: if there is no end of a line at all, the line is cut, never within a
 * character. Pure.
 */
export function cutLines(
  bytes: Uint8Array,
  { last, full }: { readonly last: boolean; readonly full: boolean },
): { readonly lines: readonly LogLine[]; readonly length: number } {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  const length = last ? bytes.length : end === 0 && full ? characterEnd(bytes) : end;
  if (length === 0) return { lines: [], length };
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, length));
  const whole = text.endsWith("\n") ? text.slice(0, -1) : text;
  const lines = whole.split("\n").map((line) => ({ text: line.replace(/\r$/, "") }));
  return { lines, length };
}

const NEWLINE = 0x0a;

/** Where the last character that is complete ends; all of it, if that is not UTF-8 anyway. */
function characterEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes.length;
    if (byte < 0xc0) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return back < needed ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

function parseCursor(after: string | undefined): number {
  if (after === undefined) return 0;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new PermanentError(
    "invalid",
    `expected a position in a log as an earlier page gave it, got ${JSON.stringify(after)}`,
  );
}
