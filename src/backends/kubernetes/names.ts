import { createHash } from "node:crypto";
import type { LaunchRequest } from "../../backend.ts";
import type { LaunchKey } from "../../run.ts";
import { KUBERNETES_NAME, slug } from "../../text/slug.ts";

/** Labels that say whose a Job or pod is. Nothing else is ever taken for ours. */
export const RUN_LABEL = "sluice/run-id";
export const LAUNCH_LABEL = "sluice/launch";

/** Label of a Job that is deleted some time after its end. */
export const DELETE_LABEL = "sluice/delete-finished";

/** Annotation of a Job that Sluice has stopped: the end of its run, as JSON. */
export const STOPPED = "sluice/stopped";

/**
 * The name of the Job of a launch. It depends on nothing but run and launch, so Kubernetes itself
 * refuses a second one. Names of Jobs become values of labels, which end at 63 characters.
 */
export function jobName(runId: string, launch: number): string {
  const name = `sluice-${runId}-${launch}`;
  return isName(name) ? name : `sluice-${digest(name).slice(0, 40)}-${launch}`;
}

/** The labels by which the Job of a launch, and its pods, are found. */
export function ownerLabels(runId: string, launch: number): Readonly<Record<string, string>> {
  return { [RUN_LABEL]: labelValue(runId), [LAUNCH_LABEL]: String(launch) };
}

/** Selects what belongs to one launch. */
export function launchSelector({ runId, launch }: Pick<LaunchKey, "runId" | "launch">): string {
  return `${RUN_LABEL}=${labelValue(runId)},${LAUNCH_LABEL}=${launch}`;
}

/** Selects what belongs to any of these runs. */
export function runsSelector(runIds: readonly string[]): string {
  return `${RUN_LABEL} in (${[...new Set(runIds.map(labelValue))].join(",")})`;
}

/** The labels Prefect puts on its Jobs, for runs that Prefect executes. */
export function prefectLabels(request: LaunchRequest): Readonly<Record<string, string>> {
  const { run, launch, flow, engine } = request;
  switch (engine.name) {
    case "prefect1":
      return {
        "prefect.io/identifier": digest(jobName(run.id, launch)).slice(0, 8),
        "prefect.io/flow_run_id": labelValue(run.id),
        ...(flow.id === undefined ? {} : { "prefect.io/flow_id": labelValue(flow.id) }),
      };
    case "orion":
      return {
        "io.prefect.flow-run-id": labelValue(run.id),
        "io.prefect.flow-run-name": slug(run.name, KUBERNETES_NAME) || labelValue(run.id),
        app: "orion",
      };
    case "command":
      return {};
  }
}

/** A cluster as targets and jobs name it: host, port and path of its API server. */
export function clusterOf(server: string): string {
  const { host, pathname } = new URL(server);
  return `${host}${pathname.replace(/\/+$/, "")}`;
}

/** The place in which a launch key is unique: a namespace of a cluster, if that is known. */
export function targetOf(cluster: string | undefined, namespace: string): string {
  return cluster === undefined ? namespace : `${cluster}/${namespace}`;
}

/** Whether a target is that of a plan made where no cluster was known. */
export function isOfNoCluster(target: string): boolean {
  return !target.includes("/");
}

/** The namespace of a target. Names of namespaces have no slash. */
export function namespaceOf(target: string): string {
  return target.slice(target.lastIndexOf("/") + 1);
}

function isName(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

/** A text as Kubernetes takes it for the value of a label; what it refuses is replaced by its hash. */
function labelValue(text: string): string {
  const valid = text.length <= 63 && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text);
  return valid ? text : digest(text).slice(0, 40);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
