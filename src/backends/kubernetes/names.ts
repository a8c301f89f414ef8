import { createHash } from "node:crypto";
import type { LaunchRequest } from "../../backend.ts";
import { type Installation, nameOrHash } from "../../installation.ts";
import type { LaunchKey } from "../../run.ts";
import { KUBERNETES_NAME, slug } from "../../text/slug.ts";

/** Labels that say whose a Job or pod is. Nothing else is ever taken for ours. */
export const RUN_LABEL = "sluice/run-id";
export const LAUNCH_LABEL = "sluice/launch";
/** The installation that launched it; nothing has it where one installation alone launches. */
export const INSTALLATION_LABEL = "sluice/installation";

/** Label of a Job that is deleted some time after its end. */
export const DELETE_LABEL = "sluice/delete-finished";

/** Annotation of a Job that Sluice has stopped: the end of its run, as JSON. */
export const STOPPED = "sluice/stopped";
/** Annotation of such a Job: when its controller was last brought to look at it again. */
export const REMINDED = "sluice/reminded";

/** Which launch it is, of which run. */
export type Marked = Pick<LaunchKey, "runId" | "launch">;

/**
 * The name of the Job of a launch. It depends on nothing but run, launch and installation, so Kubernetes
 * itself refuses a second one. Names of Jobs become values of labels, which end at 63 characters; an
 * installation is named by a part of its hash, for its own name would leave no room, or clash.
 */
export function jobName({ runId, launch }: Marked, installation: Installation): string {
  const whose = installation === undefined ? "" : `-${digest(installation).slice(0, 10)}`;
  const name = `sluice-${runId}-${launch}${whose}`;
  return isName(name) ? name : `sluice-${digest(name).slice(0, 40)}-${launch}`;
}

/** The labels by which the Job of a launch, and its pods, are found. */
export function ownerLabels(
  { runId, launch }: Marked,
  installation: Installation,
): Readonly<Record<string, string>> {
  return {
    [RUN_LABEL]: labelValue(runId),
    [LAUNCH_LABEL]: String(launch),
    ...(installation === undefined ? {} : { [INSTALLATION_LABEL]: labelValue(installation) }),
  };
}

/** Whether labels are those of a launch of an installation. */
export function isLabelled(
  labels: Readonly<Record<string, string>> | undefined,
  key: Marked,
  installation: Installation,
): boolean {
  const own = ownerLabels(key, installation);
  const names = [RUN_LABEL, LAUNCH_LABEL, INSTALLATION_LABEL];
  return names.every((name) => labels?.[name] === own[name]);
}

/** Selects what belongs to one launch of an installation. */
export function launchSelector({ runId, launch }: Marked, installation: Installation): string {
  return `${RUN_LABEL}=${labelValue(runId)},${LAUNCH_LABEL}=${launch},${ofInstallation(installation)}`;
}

/** Selects the Jobs of an installation that are deleted some time after their end. */
export function deletableSelector(installation: Installation): string {
  return `${DELETE_LABEL}=true,${ofInstallation(installation)}`;
}

function ofInstallation(installation: Installation): string {
  return installation === undefined
    ? `!${INSTALLATION_LABEL}`
    : `${INSTALLATION_LABEL}=${labelValue(installation)}`;
}

/** Selects what belongs to any of these runs. */
export function runsSelector(runIds: readonly string[]): string {
  return `${RUN_LABEL} in (${[...new Set(runIds.map(labelValue))].join(",")})`;
}

/** The labels Prefect puts on its Jobs, for runs that Prefect executes. */
export function prefectLabels(
  request: LaunchRequest,
  installation: Installation,
): Readonly<Record<string, string>> {
  const { run, launch, flow, engine } = request;
  switch (engine.name) {
    case "prefect1":
      return {
        "prefect.io/identifier": digest(jobName({ runId: run.id, launch }, installation)).slice(
          0,
          8,
        ),
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
  return nameOrHash(text, /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
