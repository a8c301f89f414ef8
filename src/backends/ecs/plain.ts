import type { JsonObject } from "../../json.ts";

/** A value as plain JSON: without undefined members, dates as text. It reads the same anywhere. */
export function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
