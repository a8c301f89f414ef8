import type { LaunchRequest } from "../../backend.ts";
import { isJsonObject } from "../../json.ts";
import type { LaunchKey } from "../../run.ts";

/** The labels by which Sluice knows its containers. Whoever starts with this prefix is ours. */
export const PREFIX = "sluice.";
export const RUN_ID = "sluice.run-id";
export const LAUNCH = "sluice.launch";
/** The agent that launched it; only its process listens for its end and removes it. */
export const AGENT = "sluice.agent";
/** The container is removed when its end is known and stored. */
export const AUTO_REMOVE = "sluice.auto-remove";

/** Labels of a container by name. */
export type Labels = Readonly<Record<string, string>>;

/** The name of the container of a launch: the key under which the engine starts it only once. */
export function containerName({ runId, launch }: Pick<LaunchKey, "runId" | "launch">): string {
  return `sluice-${runId}-${launch}`;
}

/** Whether a container carries the mark of a launch. */
export function isOwn(labels: Labels, { runId, launch }: LaunchKey): boolean {
  return labels[RUN_ID] === runId && labels[LAUNCH] === String(launch);
}

/** The launch a container belongs to, if it is ours. */
export function launchOf(labels: Labels): { runId: string; launch: number } | undefined {
  const { [RUN_ID]: runId, [LAUNCH]: launch } = labels;
  if (runId === undefined || launch === undefined || !/^\d+$/.test(launch)) return undefined;
  return { runId, launch: Number(launch) };
}

/**
 * The labels of a container: those of a flow runner, Prefect's for Prefect's engines, and ours, which
 * nobody else can set.
 */
export function labelsOf(
  request: LaunchRequest,
  { autoRemove }: { readonly autoRemove: boolean },
): { readonly labels: Labels; readonly warnings: readonly string[] } {
  const { run, launch, flow, agent } = request;
  const own = Object.entries(runnerLabels(request));
  const reserved = own.filter(([name]) => name.startsWith(PREFIX)).map(([name]) => name);
  const labels = {
    ...Object.fromEntries(own.filter(([name]) => !name.startsWith(PREFIX))),
    ...prefectLabels(request),
    [RUN_ID]: run.id,
    [LAUNCH]: String(launch),
    "sluice.flow": flow.name,
    [AGENT]: agent.name,
    ...(autoRemove ? { [AUTO_REMOVE]: "true" } : {}),
  };
  if (reserved.length === 0) return { labels, warnings: [] };
  return {
    labels,
    warnings: [`labels that start with ${PREFIX} are ours; ignored: ${reserved.join(", ")}`],
  };
}

function runnerLabels({ config }: LaunchRequest): Labels {
  const labels = config.dialect === "orion" ? config.options["labels"] : undefined;
  if (!isJsonObject(labels)) return {};
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}

function prefectLabels({ run, flow, engine }: LaunchRequest): Labels {
  if (engine.name === "command") return {};
  const ofRun = { "io.prefect.flow-run-id": run.id };
  if (engine.name === "orion") return ofRun;
  const ofFlow = flow.id === undefined ? {} : { "io.prefect.flow-id": flow.id };
  return { "io.prefect.flow-name": flow.name, ...ofFlow, ...ofRun };
}
