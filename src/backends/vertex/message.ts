import { joinPath, show } from "../../check.ts";
import type { Issue } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { Field, Fields } from "./fields.ts";
import { isNone } from "./none.ts";

/** A value in the form Google's client takes: camelCase, durations in seconds, text as text. */
export type ClientValue =
  | string
  | number
  | boolean
  | readonly ClientValue[]
  | { readonly [key: string]: ClientValue };

/** What came of reading a message. */
export interface ReadMessage {
  readonly message: { readonly [key: string]: ClientValue };
  /** Values the message cannot hold, each with its path below `at`. */
  readonly issues: readonly Issue[];
  /** Paths of keys the message does not have; they are not sent. */
  readonly unknown: readonly string[];
}

/**
 * Reads a message as people write it into the form Google's client takes. Keys may be written in
 * snake_case or camelCase; where both are given, snake_case counts. Null is the same as absent. Pure.
 */
export function readMessage(fields: Fields, value: JsonObject, at = ""): ReadMessage {
  const issues: Issue[] = [];
  const unknown: string[] = [];
  const read: Reader = { issues, unknown };
  return { message: readFields(read, fields, { value, at }), issues, unknown };
}

interface Reader {
  readonly issues: Issue[];
  readonly unknown: string[];
}

/** A value, and its path. */
interface Found<T extends JsonValue = JsonValue> {
  readonly value: T;
  readonly at: string;
}

type ClientObject = { readonly [key: string]: ClientValue };

function readFields(
  reader: Reader,
  fields: Fields,
  { value, at }: Found<JsonObject>,
): ClientObject {
  const result: Record<string, ClientValue> = {};
  for (const [key, member] of Object.entries(value)) {
    const name = snakeCase(key);
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const path = joinPath(at, [key]);
    if (field === undefined) {
      reader.unknown.push(path);
    } else if (!isNone(member) && (name === key || isNone(value[name]))) {
      const sent = readField(reader, field, { value: member, at: path });
      if (sent !== undefined) result[camelCase(name)] = sent;
    }
  }
  return result;
}

function readField(reader: Reader, field: Field, found: Found): ClientValue | undefined {
  const { value, at } = found;
  switch (field.type) {
    case "message":
      if (isJsonObject(value)) return readFields(reader, field.fields, { value, at });
      return refuse(reader, "an object", found);
    case "list":
      return readList(reader, field.of, found);
    case "labels":
      if (isJsonObject(value)) return textMembers(value);
      return refuse(reader, "an object", found);
    case "choice":
      if (typeof value === "string" && field.names.includes(value)) return value;
      return refuse(reader, `one of ${field.names.join(", ")}`, found);
    case "text":
      if (isScalar(value)) return String(value);
      return refuse(reader, "text", found);
    case "whole":
      if (isWhole(value)) return value;
      return refuse(reader, "a whole number from 0 on", found);
    case "flag":
      if (typeof value === "boolean") return value;
      return refuse(reader, "true or false", found);
    case "duration":
      return readDuration(value) ?? refuse(reader, "a duration such as 3600s", found);
  }
}

function readList(reader: Reader, of: Field, found: Found): ClientValue | undefined {
  const { value, at } = found;
  if (!Array.isArray(value)) return refuse(reader, "a list", found);
  return value.flatMap((item: JsonValue, index): ClientValue[] => {
    const member = { value: item, at: joinPath(at, [String(index)]) };
    const sent = item === null ? refuse(reader, "a value", member) : readField(reader, of, member);
    return sent === undefined ? [] : [sent];
  });
}

function textMembers(value: JsonObject): ClientObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      isNone(member) ? [] : [[key, String(member)]],
    ),
  );
}

/** `3600s` and `1.5s`, as Google writes durations in JSON, or seconds and nanos. */
function readDuration(value: JsonValue): ClientValue | undefined {
  if (typeof value === "string") {
    const [, seconds, fraction = ""] = /^(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) ?? [];
    if (seconds === undefined) return undefined;
    return { seconds: Number(seconds), nanos: Number(fraction.padEnd(9, "0")) };
  }
  if (!isJsonObject(value)) return undefined;
  const { seconds = 0, nanos = 0, ...rest } = value;
  if (Object.keys(rest).length > 0 || !isWhole(seconds) || !isWhole(nanos)) return undefined;
  return { seconds: Number(seconds), nanos: Number(nanos) };
}

function isScalar(value: JsonValue): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** Nothing is counted below 0; JSON writes large whole numbers as text. */
function isWhole(value: JsonValue): value is number | string {
  if (typeof value === "string") return /^\d{1,15}$/.test(value);
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function refuse(reader: Reader, expected: string, { value, at }: Found): undefined {
  reader.issues.push({ path: at, message: `expected ${expected}, got ${show(value)}` });
  return undefined;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A key as Google's client writes it. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
