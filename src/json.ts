/** What JSON can say. Everything stored, sent or shown is one of these. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** True for an object that is neither null nor a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object as plain JSON: without undefined members, dates as text. It reads the same anywhere. */
export function asJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/**
 * The first number of a JSON text that would be another one once it is read: a whole number too large to be
 * exact, such as many an id of 64 bits, or one larger than any. Undefined if there is none. Throws
 * `SyntaxError` if the text is not JSON.
 */
export function inexactNumber(text: string): string | undefined {
  // Most texts need no second reading: shorter numbers are exact.
  if (!/\d{16}|e\+?\d{3}/i.test(text)) return undefined;
  let found: string | undefined;
  parseWithSource(text, (_, value, { source }) => {
    if (source !== undefined && isInexact(value, source)) found ??= source;
    return value;
  });
  return found;
}

/** Types do not know yet that a reviver is told how a value was written. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

function isInexact(value: unknown, source: string): boolean {
  if (typeof value !== "number") return false;
  if (!Number.isFinite(value)) return true;
  return /^-?\d+$/.test(source) && !Number.isSafeInteger(value) && String(value) !== source;
}

/**
 * JSON text in which equal values have equal text: keys sorted by code unit, no white space, members
 * that are undefined left out. The form in which things are hashed and compared.
 */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] as JsonValue)}`);
  return `{${members.join(",")}}`;
}

/**
 * Applies a merge patch (RFC 7396): members of `patch` replace those of `target`, objects are merged
 * and null deletes.
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, JsonValue | undefined> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = mergePatch(result[key], value);
  }
  return result;
}
