import { isJsonObject, type JsonValue } from "../json.ts";

/**
 * A value as Python's `str` writes it: text as it is, `True`, `None`, `0.5`, `['a']`. Prefect 1 turns
 * values to text this way, so a definition that says `cpu: true` reads `True` on the platform.
 *
 * JSON does not tell 2.0 from 2; both become `2`.
 */
export function pythonText(value: JsonValue): string {
  return typeof value === "string" ? value : pythonLiteral(value);
}

/** A list of labels as Python prints it: `['a', "it's"]`. */
export function labelListText(labels: readonly string[]): string {
  return pythonLiteral(labels);
}

/** A value as Python's `repr` writes it. */
export function pythonLiteral(value: JsonValue): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return numberLiteral(value);
  if (typeof value === "string") return textLiteral(value);
  if (!isJsonObject(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  const members = Object.entries(value).map(
    ([key, member]) => `${textLiteral(key)}: ${pythonLiteral(member ?? null)}`,
  );
  return `{${members.join(", ")}}`;
}

/** Python goes over to an exponent below 1e-4 and pads it to two digits; JavaScript below 1e-6. */
function numberLiteral(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value)) return BigInt(value).toString();
  if (Math.abs(value) >= 1e-4) return String(value);
  const [digits, exponent] = value.toExponential().split("e-");
  return `${digits}e-${exponent?.padStart(2, "0")}`;
}

/** Single quotes, unless the text has some and no double ones. */
function textLiteral(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + Array.from(text, (character) => escape(character, quote)).join("") + quote;
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escape(character: string, quote: string): string {
  if (character === quote || character === "\\") return `\\${character}`;
  if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = Number(character.codePointAt(0)).toString(16);
  if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
  if (code.length <= 4) return `\\u${code.padStart(4, "0")}`;
  return `\\U${code.padStart(8, "0")}`;
}
