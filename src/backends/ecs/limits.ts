import type { Issue } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { Template } from "./schema.ts";

/** RunTask takes no more subnets for a task. */
export const MAX_SUBNETS = 16;

/** RegisterTaskDefinition takes no more containers, and no more bytes of JSON in all. */
const MAX_CONTAINERS = 10;
const MAX_BYTES = 65_536;

/** What AWS refuses of any definition. */
export function limitIssues(definition: Template, at: string): readonly Issue[] {
  const containers = definition.containerDefinitions?.length ?? 0;
  const bytes = Buffer.byteLength(JSON.stringify(definition));
  const many = `expected at most ${MAX_CONTAINERS} containers with the one that runs the flow, got ${containers}`;
  const large = `expected a task definition of at most ${MAX_BYTES} bytes as JSON, got ${bytes}`;
  return [
    ...(containers > MAX_CONTAINERS ? [{ path: `${at}.containerDefinitions`, message: many }] : []),
    ...(bytes > MAX_BYTES ? [{ path: at, message: large }] : []),
  ];
}

/** The most characters of JSON, punctuation included, that RunTask takes as overrides. */
const MAX_OVERRIDES = 8_192;

/** Why overrides are too large, naming their largest variables; undefined if they fit. */
export function overridesFault(overrides: JsonObject): string | undefined {
  const size = JSON.stringify(overrides).length;
  if (size <= MAX_OVERRIDES) return undefined;
  const largest = variables(overrides)
    .sort((a, b) => b.size - a.size)
    .slice(0, 3)
    .map((variable) => `${variable.name} (${variable.size})`);
  const hint =
    largest.length === 0 ? "" : `; the largest variables are ${largest.join(", ")} characters`;
  return `the overrides of the task have ${size} characters, RunTask takes ${MAX_OVERRIDES}${hint}: store large parameters elsewhere and pass their address`;
}

function variables(overrides: JsonObject): { name: string; size: number }[] {
  return list(overrides["containerOverrides"])
    .filter(isJsonObject)
    .flatMap((container) => list(container["environment"]))
    .filter(isJsonObject)
    .map((entry) => ({ name: String(entry["name"]), size: JSON.stringify(entry).length }));
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
