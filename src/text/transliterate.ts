import unidecode from "unidecode";

/**
 * A text in ASCII: each character by itself, as the tables of text-unidecode write it, which Prefect's
 * slugs are made with. What they do not know becomes `[?]`, or nothing beyond U+FFFF.
 */
export function transliterate(text: string): string {
  return Array.from(text, asciiOf).join("");
}

function asciiOf(character: string): string {
  const code = Number(character.codePointAt(0));
  if (code < 0x80) return character;
  if (isWithin(code, SILENT)) return "";
  return isWithin(code, UNKNOWN) ? "[?]" : unidecode(character);
}

type Ranges = readonly (readonly [first: number, last: number])[];

function isWithin(code: number, ranges: Ranges): boolean {
  return ranges.some(([first, last]) => code >= first && code <= last);
}

// Both tables come from Perl's Text::Unidecode; these are the places where they do not agree.

/** Text-unidecode leaves these out. */
const SILENT: Ranges = [
  [0x80, 0x9f],
  [0x2e5, 0x2eb],
  [0xfdf0, 0xfdfb],
  [0x10000, 0x10ffff],
];

/** Text-unidecode does not know these. */
const UNKNOWN: Ranges = [
  [0x2ef, 0x2ff],
  [0x3f4, 0x3ff],
  [0x6ff, 0x6ff],
  [0x800, 0x8ff],
  [0xaf0, 0xaff],
  [0x13f5, 0x13ff],
  [0x1900, 0x1dff],
  [0x1efa, 0x1eff],
  [0x25f4, 0x25f7],
  [0x2900, 0x2dff],
  [0x30ff, 0x30ff],
  [0x33ff, 0x4cff],
  [0xa500, 0xabff],
  [0xd800, 0xf8ff],
  [0xfdfc, 0xfdff],
];
