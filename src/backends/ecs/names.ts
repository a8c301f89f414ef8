import { createHash } from "node:crypto";
import { type Installation, nameOrHash } from "../../installation.ts";
import type { LaunchKey } from "../../run.ts";

/** The container that runs the flow, in every task definition. */
export const FLOW_CONTAINER = "flow";

/** The container that runs the flow, or what is said of it, in a list of them; the first of several. Pure. */
export function flowIn<T extends { readonly name?: string | null | undefined }>(
  list: readonly T[] | null | undefined,
): T | undefined {
  return list?.find(({ name }) => name === FLOW_CONTAINER);
}

/** Begins the names of log streams where Sluice itself says where output goes. */
export const LOG_PREFIX = "sluice";

/** Where a cluster is; `cluster` is a name or an ARN. */
export interface ClusterRef {
  readonly region: string;
  readonly cluster: string;
}

/** The target of launches into a cluster: its ARN, or region and name where only these are known. */
export function targetOf({ region, cluster }: ClusterRef): string {
  return cluster.startsWith("arn:") ? cluster : `${region}/${cluster}`;
}

/** The cluster of a target. */
export function clusterOf(target: string): ClusterRef {
  const region = regionOfArn(target);
  if (region !== undefined) return { region, cluster: target };
  const slash = target.indexOf("/");
  return { region: target.slice(0, slash), cluster: target.slice(slash + 1) };
}

/** The region of an ARN; undefined for anything else. */
export function regionOfArn(text: string): string | undefined {
  return text.startsWith("arn:") ? text.split(":")[3] : undefined;
}

/** The account of an ARN; undefined for anything else. */
export function accountOfArn(text: string): string | undefined {
  return text.startsWith("arn:") ? text.split(":")[4] : undefined;
}

/** The last part of the ARN of a task, a cluster or a definition. */
export function idOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/**
 * The token of a launch: 64 characters, the most RunTask takes, that depend on nothing but the key and
 * the installation.
 *
 * ECS remembers a token for one hour after the task has stopped, and for a day at most. Whoever repeats
 * it within that time gets the task of the first call.
 */
export function clientToken(
  { runId, launch, target }: LaunchKey,
  installation: Installation,
): string {
  const whose = installation === undefined ? [] : [installation];
  return hash(JSON.stringify([runId, launch, target, ...whose]));
}

/** The mark of a launch on its task. RunTask takes letters, digits, `-`, `/` and `_`, up to 128. */
export function startedBy(
  { runId, launch }: Pick<LaunchKey, "runId" | "launch">,
  installation: Installation,
): string {
  return `${markStart(installation)}${runId}/${launch}`;
}

/** Whatever a mark takes beside 40 characters of a run id and the largest number of a launch. */
const INSTALLATION = /^[A-Za-z0-9_-]{1,63}$/;

/**
 * Starts the marks of an installation, and those of no other one. A name that does not fit into a mark is
 * replaced by its hash; names that the template of a deployment can have do fit, and its rule for events
 * relies on that.
 */
export function markStart(installation: Installation): string {
  if (installation === undefined) return "sluice/";
  return `sluice/${nameOrHash(installation, INSTALLATION)}/`;
}

/** The launch of a mark; undefined for tasks that others have started, be it another installation. */
export function launchOfMark(
  mark: string | undefined,
  installation: Installation,
): { readonly runId: string; readonly launch: number } | undefined {
  const start = markStart(installation);
  if (mark?.startsWith(start) !== true) return undefined;
  const [, runId, launch] = /^([a-z0-9-]+)\/([1-9]\d*)$/.exec(mark.slice(start.length)) ?? [];
  return runId === undefined ? undefined : { runId, launch: Number(launch) };
}

/** Starts every reason with which Sluice stops a task, so that its end explains itself. */
const STOPPED_BY = "Stopped by Sluice";

/** The reason given to StopTask. */
export function stopReason(mark: string): string {
  return `${STOPPED_BY}: the run was cancelled (${mark})`;
}

/** Whether a task was stopped with such a reason. */
export function isOurStop(reason: string): boolean {
  return reason.includes(STOPPED_BY);
}

/** Starts the reason with which Sluice takes a launch back. */
const UNDONE_BY = "Undone by Sluice";

/** The reason given to StopTask for a task that has lost what made it that of its run. */
export function undoReason(mark: string): string {
  return `${UNDONE_BY}: ECS lost the overrides of the task (${mark})`;
}

/** Whether a task was stopped with that reason: its run is launched anew. */
export function isUndone(reason: string): boolean {
  return reason.includes(UNDONE_BY);
}

/** SHA-256 in hex. */
export function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
