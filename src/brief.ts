import { faultText, type PermanentError } from "./errors.ts";

/**
 * A text in the head of a run takes at most so many bytes in JSON, which is so many plain characters. Heads
 * are written with every change of a state and copied into indexes, and no store takes any size.
 */
export const MOST_BYTES = 1_000;

const CUT = "…";

/** A text that is short enough for a head: whole, or its beginning and an ellipsis. */
export function brief(text: string, most = MOST_BYTES): string {
  if (bytesOf(text) <= most) return text;
  let room = most - bytesOf(CUT);
  let end = 0;
  for (const character of text) {
    room -= bytesOf(character);
    if (room < 0) break;
    end += character.length;
  }
  return `${text.slice(0, end)}${CUT}`;
}

/** The message of an error, short enough for a head: of a document's faults the first, and how many more. */
export function briefMessage({
  message,
  issues,
}: Pick<PermanentError, "message" | "issues">): string {
  if (bytesOf(message) <= MOST_BYTES) return message;
  const faults = issues.map(faultText);
  const all = faults.join("; ");
  if (issues.length < 2 || !message.endsWith(all)) return brief(message);
  const what = brief(message.slice(0, message.length - all.length), MOST_BYTES / 4);
  const more = (shown: number) => `; … and ${faults.length - shown} more`;
  let room = MOST_BYTES - bytesOf(what) - bytesOf(more(0));
  let shown = 0;
  for (const fault of faults) {
    room -= bytesOf(`; ${fault}`);
    if (room < 0) break;
    shown += 1;
  }
  // Even the first one may be too long.
  if (shown === 0) return `${what}${brief(all, MOST_BYTES / 2)}${more(1)}`;
  return `${what}${faults.slice(0, shown).join("; ")}${more(shown)}`;
}

/** What a text takes in JSON. */
function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
