import { HTML_ENTITIES } from "./entities.ts";
import { transliterate } from "./transliterate.ts";

/** How a slug is made. */
export interface SlugRules {
  /** The longest slug, in characters. */
  readonly maxLength: number;
  /** Cut between words where that is possible. Default: anywhere. */
  readonly wordBoundary?: boolean;
  /** `name`: letters, digits, `_`, `.` and `-` stay, in their case. Default: lower case, without `_` and `.`. */
  readonly style?: "name";
}

/** The part of an ECS family that follows its prefix; a family has at most 255 characters. */
export const ECS_FAMILY: SlugRules = { maxLength: 247, wordBoundary: true };
/** The display name of a Vertex AI CustomJob. */
export const VERTEX_NAME: SlugRules = { maxLength: 255, wordBoundary: true };
/** The name of a Docker container, before its leading `_`, `-` and `.` are trimmed. */
export const DOCKER_NAME: SlugRules = { maxLength: 250, style: "name" };
/** The name a flow runner gives its Kubernetes job, with room for a suffix below the 63 of a label. */
export const KUBERNETES_NAME: SlugRules = { maxLength: 45 };

/**
 * A text as platforms allow it in names: transliterated to ASCII, words joined by single dashes, cut to
 * its length. Equal to what Prefect makes of the same text. May be empty.
 */
export function slug(text: string, rules: SlugRules): string {
  const ascii = decodeReferences(transliterate(text.replace(/'+/g, "-"))).normalize("NFKD");
  const unwanted = rules.style === "name" ? /[^a-zA-Z0-9_.-]+/g : /[^a-zA-Z0-9-]+/g;
  const words = (rules.style === "name" ? ascii : ascii.toLowerCase())
    .replace(/'+/g, "")
    .replace(/(?<=\p{Nd}),(?=\p{Nd})/gu, "")
    .replace(unwanted, "-")
    .replace(/-{2,}/g, "-");
  return shorten(trimDashes(words), rules);
}

/** HTML's references: first names, then decimal, then hexadecimal ones. */
function decodeReferences(text: string): string {
  const named = text.replace(/&(\w+);/g, (whole, name) => HTML_ENTITIES.get(name) ?? whole);
  return decodeNumbers(decodeNumbers(named, /&#([0-9]+);/g, 10), /&#x([0-9a-fA-F]+);/g, 16);
}

/** One reference beyond Unicode leaves all of its kind as they are. */
function decodeNumbers(text: string, pattern: RegExp, radix: number): string {
  const code = (digits: string | undefined) => Number.parseInt(String(digits), radix);
  const codes = [...text.matchAll(pattern)].map(([, digits]) => code(digits));
  if (codes.some((value) => value > 0x10ffff)) return text;
  return text.replace(pattern, (_, digits) => String.fromCodePoint(code(digits)));
}

function shorten(text: string, { maxLength, wordBoundary = false }: SlugRules): string {
  if (text.length < maxLength) return text;
  const cut = trimDashes(text.slice(0, maxLength));
  return wordBoundary && text.includes("-") ? firstWords(text, maxLength) || cut : cut;
}

/** As many whole words as fit; each but the last is counted with its dash. */
function firstWords(text: string, maxLength: number): string {
  let taken = "";
  for (const word of text.split("-")) {
    const length = taken.length + word.length;
    if (length === maxLength) return trimDashes(taken + word);
    if (length > maxLength) break;
    taken += `${word}-`;
  }
  return trimDashes(taken);
}

function trimDashes(text: string): string {
  return text.replace(/^-+|-+$/g, "");
}
