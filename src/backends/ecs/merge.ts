import { PermanentError } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";

type Draft = Record<string, JsonValue | undefined>;

/**
 * Lays the RunTask arguments of a run over those of its agent.
 *
 * Each key replaces, but for `overrides`, whose keys replace singly; and entries of its
 * `containerOverrides` are paired by name and replace each other key by key. A launch type and a
 * capacity provider strategy exclude each other, so whichever the run names drives out the other one of
 * the agent. Throws `PermanentError` ("invalid") if `overrides` is no object.
 */
export function mergeRunTask(agent: JsonObject, run: JsonObject): JsonObject {
  const merged: Draft = { ...agent };
  if ("capacityProviderStrategy" in run) delete merged["launchType"];
  if ("launchType" in run) delete merged["capacityProviderStrategy"];
  for (const [key, value] of Object.entries(run)) {
    if (key !== "overrides") merged[key] = value;
    else mergeOverrides(merged, value);
  }
  return merged;
}

function mergeOverrides(merged: Draft, run: JsonValue | undefined): void {
  if (!isJsonObject(run)) throw notAnObject();
  const entries = Object.entries(run);
  if (entries.length === 0) return;
  const agent = merged["overrides"] === undefined ? {} : merged["overrides"];
  if (!isJsonObject(agent)) throw notAnObject();
  const overrides: Draft = { ...agent };
  for (const [key, value] of entries) {
    overrides[key] = key === "containerOverrides" ? mergeContainers(overrides[key], value) : value;
  }
  merged["overrides"] = overrides;
}

/** Entries without a name pair with each other; of several of one name the first is meant. */
function mergeContainers(agent: JsonValue | undefined, run: JsonValue | undefined): JsonValue {
  const merged = [...listOf(agent)];
  for (const entry of listOf(run)) {
    const name = nameOf(entry);
    const index = merged.findIndex((candidate) => nameOf(candidate) === name);
    const known = merged[index];
    if (isJsonObject(known) && isJsonObject(entry)) merged[index] = { ...known, ...entry };
    else merged.push(entry);
  }
  return merged;
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function nameOf(entry: JsonValue): JsonValue | undefined {
  return isJsonObject(entry) ? entry["name"] : undefined;
}

function notAnObject(): PermanentError {
  const message = "run_task_kwargs.overrides: expected an object";
  return new PermanentError("invalid", message, {
    issues: [{ path: "run_config.run_task_kwargs.overrides", message: "expected an object" }],
  });
}
