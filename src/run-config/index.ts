import type { EnvMap } from "../agent.ts";
import { joinPath, show } from "../check.ts";
import type { Issue } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { isOrionType, orionSchemas, parseOrion } from "./orion.ts";
import { isPrefect1Type, parsePrefect1, prefect1Schemas } from "./prefect1.ts";

/**
 * Where and how a run executes, from either wire format: Prefect 1's run configs
 * (`{"type":"ECSRun", …}`) and Orion's flow runners (`{"type":"docker","config":{…}}`).
 */
export interface RunConfig {
  readonly dialect: "prefect1" | "orion";
  /** The type as it stands on the wire: `ECSRun`, `docker` … */
  readonly type: string;
  /** The backend it asks for; `any` for the universal ones. */
  readonly backend: string;
  /** The labels an agent must have, sorted, each once. Flow runners have none. */
  readonly labels: readonly string[];
  readonly env: EnvMap;
  /** Every other field of the type under its wire name, defaults filled in. The backend reads them, and engines a few. */
  readonly options: JsonObject;
}

/** A run config with what is to be said about it, or all its faults. */
export type ParsedRunConfig =
  | { readonly ok: true; readonly config: RunConfig; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * Reads a run config or flow runner from its wire form. Pure: no file is opened, so the path of a
 * template stays a path and is read at launch, under the fences of the agent.
 *
 * All faults come at once, each with its path below `at`. Keys that its type does not know are named
 * in a warning and ignored.
 */
export function parseRunConfig(wire: unknown, at = ""): ParsedRunConfig {
  if (!isJsonObject(wire)) return faulty(at, `expected an object, got ${show(wire)}`);
  const type = wire["type"];
  if (typeof type === "string" && isPrefect1Type(type)) return parsePrefect1(type, wire, at);
  if (typeof type === "string" && isOrionType(type)) return parseOrion(type, wire, at);
  return faulty(joinPath(at, ["type"]), `expected one of ${TYPES.join(", ")}, got ${show(type)}`);
}

/** Every type a run config may have. */
export const TYPES: readonly string[] = [
  ...Object.keys(prefect1Schemas),
  ...Object.keys(orionSchemas),
];

function faulty(path: string, message: string): ParsedRunConfig {
  return { ok: false, issues: [{ path, message }] };
}
