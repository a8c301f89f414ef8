import { isJsonObject, type JsonObject, mergePatch } from "../json.ts";

/** The run config of a run for which none is given anywhere. */
export const UNIVERSAL: JsonObject = { type: "UniversalRun" };

/** Whether a run config of a message stands for itself; without a type it is a patch. */
export function hasType(runConfig: JsonObject): boolean {
  return Object.hasOwn(runConfig, "type");
}

/**
 * The run config that applies: the run's own if it has a type, else the flow's with the run's as a
 * merge patch (RFC 7396) on it. Null deletes a member, but a variable in `env` is set to null: that
 * removes what the process would inherit.
 */
export function effectiveRunConfig(
  flows: JsonObject | null | undefined,
  runs: JsonObject | undefined,
): JsonObject {
  const base = flows ?? UNIVERSAL;
  if (runs === undefined) return base;
  return hasType(runs) ? runs : patched(base, runs);
}

/** Variables lie in `env`, and in `config.env` of a flow runner. */
function patched(base: JsonObject, patch: JsonObject): JsonObject {
  const merged = mergePatch(base, patch) as JsonObject;
  const config = merged["config"];
  const withConfig =
    isJsonObject(config) && isJsonObject(patch["config"])
      ? { ...merged, config: withEnv(config, objectIn(base, "config"), patch["config"]) }
      : merged;
  return withEnv(withConfig, base, patch);
}

function withEnv(merged: JsonObject, base: JsonObject, patch: JsonObject): JsonObject {
  const variables = patch["env"];
  if (!isJsonObject(variables)) return merged;
  return { ...merged, env: { ...objectIn(base, "env"), ...variables } };
}

function objectIn(value: JsonObject, key: string): JsonObject {
  const member = value[key];
  return isJsonObject(member) ? member : {};
}
