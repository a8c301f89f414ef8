import { check, show } from "./check.ts";
import { type Issue, invalid } from "./errors.ts";
import { type Flow, flowSchema } from "./flow.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { unknownKeys } from "./run-config/fields.ts";
import { parseRunConfig } from "./run-config/index.ts";
import { unfit } from "./unfit.ts";

/** What is found in a part of a document. */
export interface Findings {
  readonly issues: readonly Issue[];
  readonly warnings: readonly string[];
}

/** Nothing to say. */
export const NOTHING: Findings = { issues: [], warnings: [] };

/** Reads a flow, but not the run config in it. All its faults and warnings come at once. */
export function readFlow(wire: JsonObject, at: string): Findings & { readonly flow?: Flow } {
  const result = check(flowSchema, wire, at);
  if (!result.ok) return { ...NOTHING, issues: result.issues };
  const warning = unknownKeys(wire, Object.keys(flowSchema.shape), { at, type: "a flow" });
  return { issues: [], warnings: warning === undefined ? [] : [warning], flow: result.value };
}

/**
 * Reads a flow that is to be registered, with the run config in it. Throws `PermanentError` with all
 * its faults.
 */
export function parseFlowDocument(wire: unknown): {
  readonly flow: Flow;
  readonly warnings: readonly string[];
} {
  if (!isJsonObject(wire)) {
    throw invalid("the flow", [{ path: "", message: `expected an object, got ${show(wire)}` }]);
  }
  const issue = unfit(wire);
  if (issue !== undefined) throw invalid("the flow", [issue]);
  const { flow, issues, warnings } = readFlow(wire, "");
  const config = wire["run_config"];
  const ofConfig = isJsonObject(config) ? findingsOf(config, "run_config") : NOTHING;
  const all = [...issues, ...ofConfig.issues];
  if (flow === undefined || all.length > 0) throw invalid("the flow", all);
  return { flow, warnings: [...warnings, ...ofConfig.warnings] };
}

/** What is to be said of a run config. */
export function findingsOf(runConfig: JsonObject, at: string): Findings {
  const parsed = parseRunConfig(runConfig, at);
  return parsed.ok
    ? { issues: [], warnings: parsed.warnings }
    : { issues: parsed.issues, warnings: [] };
}
