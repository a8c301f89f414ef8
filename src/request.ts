import type { EngineName } from "./engine.ts";
import { invalid } from "./errors.ts";
import type { Flow } from "./flow.ts";
import type { JsonObject } from "./json.ts";
import type { RunMessage } from "./message.ts";
import { parseRunConfig, type RunConfig } from "./run-config/index.ts";
import { sortedLabels } from "./run-config/labels.ts";
import { effectiveRunConfig, hasType } from "./run-config/patch.ts";
import type { Timestamp } from "./time.ts";

/** What a run is to do, completed: stored with the run and never changed. */
export interface RunRequest {
  readonly flow: Flow;
  /** The effective run config in wire form: after override and patch. */
  readonly runConfig: JsonObject;
  /** The effective labels, sorted, each once. */
  readonly labels: readonly string[];
  readonly parameters: JsonObject;
  readonly scheduledStart?: Timestamp;
}

/** A request with its run config as it was read. */
export interface ResolvedRequest {
  readonly request: RunRequest;
  /** The effective run config; its labels are the effective ones. */
  readonly config: RunConfig;
  /** What is to be said of the effective run config; `parseMessage` may have said it already. */
  readonly warnings: readonly string[];
}

/**
 * Completes what a message asks for from its flow: the one it brings, or the registered one it names. Pure.
 *
 * Run config, labels and parameters are chosen independently of each other. Throws `PermanentError`
 * ("invalid") with every fault of the effective run config.
 */
export function resolveRequest(message: RunMessage, flow: Flow): ResolvedRequest {
  const runConfig = effectiveRunConfig(flow.run_config, message.runConfig);
  const at = message.runConfig === undefined ? "flow.run_config" : "run_config";
  const parsed = parseRunConfig(runConfig, at);
  if (!parsed.ok) throw invalid("the run config", parsed.issues);
  const labels = labelsOf(message, flow, parsed.config);
  const { scheduledStart } = message;
  return {
    request: {
      flow,
      runConfig,
      labels,
      parameters: { ...flow.parameters, ...message.parameters },
      ...(scheduledStart === undefined ? {} : { scheduledStart }),
    },
    config: { ...parsed.config, labels },
    warnings: parsed.warnings,
  };
}

/**
 * The labels of a run: those of the message; else those of the run config. Flows from before run
 * configs have theirs in their environment; a run config given with the run ends that.
 */
function labelsOf(message: RunMessage, flow: Flow, config: RunConfig): readonly string[] {
  if (message.labels !== undefined) return sortedLabels(message.labels);
  const patch = message.runConfig ?? {};
  const old =
    (flow.run_config ?? undefined) === undefined && !hasType(patch) && !("labels" in patch);
  return old ? sortedLabels(flow.environment?.labels ?? []) : config.labels;
}

/**
 * What executes a flow: the engine it names; else `command` if it has a command, `orion` if its run
 * config is a flow runner, and `prefect1` otherwise.
 */
export function engineNameOf(flow: Flow, config: RunConfig): EngineName {
  if (flow.engine !== undefined) return flow.engine;
  if (flow.command !== undefined) return "command";
  return config.dialect === "orion" ? "orion" : "prefect1";
}
