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

/**
 * A sentence that ends with a list, short enough for a head: with the first items of the list, and how many
 * more there are.
 */
export function briefList(beginning: string, items: readonly string[]): string {
  const whole = `${beginning}${items.join(SEPARATOR)}`;
  if (items.length < 2 || bytesOf(whole) <= MOST_BYTES) return brief(whole);
  const start = brief(beginning, MOST_BYTES / 4);
  const more = (shown: number) => `${SEPARATOR}… and ${items.length - shown} more`;
  let room = MOST_BYTES - bytesOf(start) - bytesOf(more(0));
  let shown = 0;
  for (const item of items) {
    room -= bytesOf(`${SEPARATOR}${item}`);
    if (room < 0) break;
    shown += 1;
  }
  // Even the first one may be too long.
  if (shown === 0) return `${start}${brief(items.join(SEPARATOR), MOST_BYTES / 2)}${more(1)}`;
  return `${start}${items.slice(0, shown).join(SEPARATOR)}${more(shown)}`;
}

/** What stands between the items of a list. */
export const SEPARATOR = "; ";

/** What a text takes in JSON. */
function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
