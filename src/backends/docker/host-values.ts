import { show } from "../../check.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { pythonText } from "../../text/python.ts";

/**
 * Translates the value of one option of docker-py's `create_host_config` to members of the engine's
 * HostConfig, or says in a sentence what was expected and what came.
 */
export type Translate = (value: JsonValue) => JsonObject | string;

/** Passes text on. Docker-py leaves out what is empty. */
export function text(field: string): Translate {
  return (value) => {
    if (typeof value !== "string") return expected("text", value);
    return value === "" ? {} : { [field]: value };
  };
}

/** Passes a whole number on; zero means the engine's default, unless it is `kept`. */
export function whole(field: string, kept: "kept" | "dropped" = "dropped"): Translate {
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value))
      return expected("a whole number", value);
    return value === 0 && kept === "dropped" ? {} : { [field]: value };
  };
}

/** Passes true on; false is the engine's default, unless it is `kept`. */
export function flag(field: string, kept: "kept" | "dropped" = "dropped"): Translate {
  return (value) => {
    if (typeof value !== "boolean") return expected("true or false", value);
    return value || kept === "kept" ? { [field]: value } : {};
  };
}

/** Passes a list of texts on; an empty one is the engine's default, unless it is `kept`. */
export function texts(field: string, kept: "kept" | "dropped" = "dropped"): Translate {
  return (value) => {
    if (!isTexts(value)) return expected("a list of texts", value);
    return value.length === 0 && kept === "dropped" ? {} : { [field]: value };
  };
}

/** Passes a list of objects on, in the engine's own words. */
export function objects(field: string): Translate {
  return (value) => {
    if (!Array.isArray(value) || !value.every(isJsonObject))
      return expected("a list of objects", value);
    return value.length === 0 ? {} : { [field]: value };
  };
}

/** An object whose values become text, as Python writes them. */
export function textMap(field: string): Translate {
  return (value) => {
    if (!isJsonObject(value)) return expected("an object", value);
    return { [field]: mapValues(value, (member) => pythonText(member)) };
  };
}

/** An amount of memory: bytes as a number, or text with a unit such as 512m, 1.5g or 64kb. */
export function bytes(field: string, kept: "kept" | "dropped" = "dropped"): Translate {
  return (value) => {
    const amount = typeof value === "number" ? wholeBytes(value) : bytesOf(value);
    if (amount === undefined) return expected("bytes, such as 512m or 1g", value);
    return amount === 0 && kept === "dropped" ? {} : { [field]: amount };
  };
}

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function bytesOf(value: JsonValue): number | undefined {
  if (typeof value !== "string") return undefined;
  if (value === "") return 0;
  const match = /^\s*(-?\d+(?:\.\d+)?)\s*([bkmg])?b?$/i.exec(value);
  if (match === null) return undefined;
  return wholeBytes(Number(match[1]) * (UNITS[(match[2] ?? "b").toLowerCase()] ?? 1));
}

/** JSON has no negative zero, which is what is left of -0.5. */
function wholeBytes(amount: number): number {
  return Math.trunc(amount) + 0;
}

/** What a person reads of a value that does not fit. */
export function expected(what: string, value: JsonValue): string {
  return `expected ${what}, got ${show(value)}`;
}

export function isTexts(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** The member of an object under either of two spellings. */
export function either(value: JsonObject, lower: string, upper: string): JsonValue | undefined {
  return value[lower] ?? value[upper] ?? undefined;
}

export function mapValues<T>(
  value: JsonObject,
  make: (member: JsonValue, key: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, make(member ?? null, key)]),
  );
}
