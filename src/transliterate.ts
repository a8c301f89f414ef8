import unidecode from "unidecode";

/**
 * A text in ASCII: each character by itself, as the tables of Perl's Text::Unidecode write it, which are
 * also those Prefect uses. What they do not know becomes `[?]`, or nothing beyond U+FFFF.
 */
export function transliterate(text: string): string {
  return Array.from(text, asciiOf).join("");
}

function asciiOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return character;
  if (code < 0xa0 || code > 0xffff) return "";
  return isUnknown(code >> 8) ? "[?]" : unidecode(character);
}

/** Blocks of 256 that the tables leave out. */
function isUnknown(block: number): boolean {
  return UNKNOWN.some(([first, last]) => block >= first && block <= last);
}

const UNKNOWN = [
  [0x08, 0x08],
  [0x19, 0x1d],
  [0x29, 0x29],
  [0x2a, 0x2d],
  [0x34, 0x4c],
  [0xa5, 0xab],
  [0xd8, 0xf8],
] as const;
