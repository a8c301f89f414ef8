import type { EnvMap } from "../agent.ts";
import type { Issue } from "../errors.ts";
import type { JsonObject } from "../json.ts";

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
  /** Every other field of the type under its wire name, defaults filled in. Only the backend reads it. */
  readonly options: JsonObject;
}

/** A run config with what is to be said about it, or all its faults. */
export type ParsedRunConfig =
  | { readonly ok: true; readonly config: RunConfig; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };
