import type { LaunchRequest } from "../../backend.ts";
import { type Installation, nameOrHash } from "../../installation.ts";
import { isJsonObject } from "../../json.ts";
import type { LaunchKey } from "../../run.ts";

/** The labels by which Sluice knows its containers. Whoever starts with this prefix is ours. */
export const PREFIX = "sluice.";
export const RUN_ID = "sluice.run-id";
export const LAUNCH = "sluice.launch";
/** The agent that launched it; only its process listens for its end and removes it. */
export const AGENT = "sluice.agent";
/** The installation that launched it, where its world says which it is. */
export const INSTALLATION = "sluice.installation";
/** The container is removed when its end is known and stored. */
export const AUTO_REMOVE = "sluice.auto-remove";

/** Labels of a container by name. */
export type Labels = Readonly<Record<string, string>>;

/** Names of installations that the name of a container may hold. */
const IN_NAMES = /^[A-Za-z0-9_.-]{1,63}$/;

/**
 * The name of the container of a launch: the key under which the engine starts it only once. The point
 * ends the installation, for run ids have none. An installation with a long name, or with one that the name
 * of a container may not hold, is named by its hash.
 */
export function containerName(
  { runId, launch }: Pick<LaunchKey, "runId" | "launch">,
  installation: Installation,
): string {
  const whose = installation === undefined ? "" : `${nameOrHash(installation, IN_NAMES)}.`;
  return `sluice-${whose}${runId}-${launch}`;
}

/** Filters of a list by label: what an installation has launched. One without a name sees all others' too. */
export function labelsOfInstallation(installation: Installation): readonly string[] {
  return installation === undefined ? [] : [`${INSTALLATION}=${installation}`];
}

/** Whether a container carries the mark of a launch of an installation. */
export function isOwn(
  labels: Labels,
  { runId, launch }: Pick<LaunchKey, "runId" | "launch">,
  installation: Installation,
): boolean {
  const own = launchOfLabels(labels, installation);
  return own?.runId === runId && own.launch === launch;
}

/** The launch a container belongs to, if it is one of this installation. */
export function launchOfLabels(
  labels: Labels,
  installation: Installation,
): { runId: string; launch: number } | undefined {
  const { [RUN_ID]: runId, [LAUNCH]: launch, [INSTALLATION]: whose } = labels;
  if (whose !== installation) return undefined;
  if (runId === undefined || launch === undefined || !/^\d+$/.test(launch)) return undefined;
  return { runId, launch: Number(launch) };
}

/**
 * The labels of a container: those of a flow runner, Prefect's for Prefect's engines, and ours, which
 * nobody else can set.
 */
export function labelsOf(
  request: LaunchRequest,
  {
    autoRemove,
    installation,
  }: { readonly autoRemove: boolean; readonly installation: Installation },
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
    ...(installation === undefined ? {} : { [INSTALLATION]: installation }),
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
