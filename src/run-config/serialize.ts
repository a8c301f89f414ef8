import type { JsonObject } from "../json.ts";
import type { RunConfig } from "./index.ts";

/** The version of Prefect whose wire form is written. */
const VERSION = "1.4.1";

/** Options of a flow runner that Orion writes as text or not at all. */
const NEVER_NULL = new Set(["image", "namespace", "node_selector"]);

/**
 * The wire form of a run config, as Prefect 1 or Orion writes it: every field of its type, null where
 * nothing is set. Without variables `env` is null in a run config and empty in a flow runner.
 */
export function serializeRunConfig(config: RunConfig): JsonObject {
  return config.dialect === "orion" ? toFlowRunner(config) : toRunConfig(config);
}

function toRunConfig({ type, labels, env, options }: RunConfig): JsonObject {
  const variables = Object.keys(env).length === 0 ? null : toJson(env);
  return { env: variables, labels, ...options, __version__: VERSION, type };
}

function toFlowRunner({ type, env, options }: RunConfig): JsonObject {
  const set = Object.entries(options).filter(
    ([key, value]) => value !== null || !NEVER_NULL.has(key),
  );
  return { type, config: { env: toJson(env), ...Object.fromEntries(set) } };
}

/** Variables of a run config are plain: its parser takes no references to secrets. */
function toJson(env: RunConfig["env"]): JsonObject {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null ? { secret: value.secret } : value,
    ]),
  );
}
