import type { Evidence, Patience } from "./evidence.ts";
import type { ContainerStatusJson, EventJson, JobJson, PodJson } from "./objects.ts";
import { type End, podEnd } from "./pod-end.ts";
import { ageOf, inOrder, newest, statusOfContainer } from "./pods.ts";
import { flowContainerName } from "./request.ts";

/** Reasons of a container that waits for an image it will not get. */
const IMAGE = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
]);

/** Reasons of a container that names what is not there, such as a secret, or cannot be made. */
const MISSING = new Set([
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/**
 * Why a Job that has not ended never will: Kubernetes keeps it active for ever while it asks for an
 * image that is not there, waits for a machine, or cannot make its pod. Undefined while there is hope,
 * and always within the patience of the agent.
 */
export function hopeless(evidence: Evidence, patience: Patience): End | undefined {
  const pod = newest(evidence.pods);
  if (pod === undefined) return withoutPod(evidence, patience);
  return (
    cannotStart(pod, patience) ??
    unschedulable(pod, patience) ??
    leftBehind(evidence.job, pod, patience) ??
    neverStarted(pod, evidence.events, patience)
  );
}

/** The uid of what has not started: the newest pod, or a Job without one. Undefined if it has. */
export function unstarted(job: JobJson, pods: readonly PodJson[]): string | undefined {
  const pod = newest(pods);
  if (pod !== undefined && !isUnstarted(pod)) return undefined;
  return (pod ?? job).metadata?.uid;
}

/**
 * The uid of the object whose events decide whether a Job is hopeless: one that has waited for longer
 * than it may, without a word why. Undefined if no events are needed.
 */
export function puzzleOf(
  job: JobJson,
  pods: readonly PodJson[],
  patience: Patience,
): string | undefined {
  return isOverdue(newest(pods) ?? job, patience) ? unstarted(job, pods) : undefined;
}

function withoutPod({ job, pods, events }: Evidence, patience: Patience): End | undefined {
  if (pods.length > 0 || (job.status?.ready ?? 0) > 0 || !isOverdue(job, patience))
    return undefined;
  const warning = newestWarning(events);
  return crashed("start_failed", `no pod was made: ${warning ?? "Kubernetes does not say why"}`);
}

function cannotStart(pod: PodJson, { now, startMs }: Patience): End | undefined {
  const { initContainerStatuses, containerStatuses } = pod.status ?? {};
  for (const container of [...(initContainerStatuses ?? []), ...(containerStatuses ?? [])]) {
    if (ageOf(mayStartAt(pod, container), now) < startMs) continue;
    const { reason = "", message = "" } = container.state?.waiting ?? {};
    const words = `container ${container.name} of pod ${pod.metadata?.name}: ${reason}: ${message}`;
    if (IMAGE.has(reason)) return crashed("image", words);
    if (MISSING.has(reason)) return crashed("rejected", words);
  }
  return undefined;
}

function unschedulable(pod: PodJson, { now, pendingMs }: Patience): End | undefined {
  const place = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (place?.status !== "False" || place.reason !== "Unschedulable") return undefined;
  if (ageOf(place.lastTransitionTime ?? createdAt(pod), now) < pendingMs) return undefined;
  return crashed(
    "start_failed",
    `Unschedulable (pod ${pod.metadata?.name}): ${place.message ?? ""}`,
  );
}

/** The flow has ended, and another container of its pod goes on for ever. */
function leftBehind(job: JobJson, pod: PodJson, { now, startMs }: Patience): End | undefined {
  const name = flowContainerName({ spec: job.spec });
  const flow: ContainerStatusJson | undefined = statusOfContainer(pod, name);
  const finishedAt = flow?.state?.terminated?.finishedAt;
  if (pod.status?.phase !== "Running" || finishedAt === undefined) return undefined;
  return ageOf(finishedAt, now) < startMs ? undefined : podEnd(pod, name);
}

function neverStarted(
  pod: PodJson,
  events: readonly EventJson[],
  patience: Patience,
): End | undefined {
  if (!isUnstarted(pod) || !isOverdue(pod, patience)) return undefined;
  const warning = newestWarning(events);
  if (warning === undefined) return undefined;
  return crashed("start_failed", `pod ${pod.metadata?.name} does not start: ${warning}`);
}

function isUnstarted(pod: PodJson): boolean {
  return pod.status?.phase === "Pending" || pod.status?.phase === undefined;
}

function isOverdue(object: PodJson | JobJson, { now, pendingMs }: Patience): boolean {
  return ageOf(mayStartAt(object), now) >= pendingMs;
}

/**
 * From when on nothing was in the way of a start: a machine has taken the pod and its init containers have
 * ended, as has the last run of the container itself; or the Job was last resumed.
 */
function mayStartAt(object: PodJson | JobJson, { lastState }: ContainerStatusJson = {}): string {
  const status: PodJson["status"] = object.status ?? {};
  const moments = [
    status.conditions?.find(({ type }) => type === "Initialized")?.lastTransitionTime,
    ...(status.initContainerStatuses ?? []).map(({ state }) => state?.terminated?.finishedAt),
    lastState?.terminated?.finishedAt,
  ];
  const start = status.startTime ?? createdAt(object);
  return moments.reduce<string>((last, next) => (next && next > last ? next : last), start);
}

/** What was last said, if that is a warning: an image that is still being pulled comes after others. */
function newestWarning(events: readonly EventJson[]): string | undefined {
  const last = inOrder(events).at(-1);
  return last?.type === "Warning"
    ? `${last.reason ?? "Warning"}: ${last.message ?? ""}`
    : undefined;
}

/** The start of an object; one without is as old as time, and only tests know such. */
function createdAt({ metadata }: PodJson | JobJson): string {
  return metadata?.creationTimestamp ?? "1970-01-01T00:00:00Z";
}

function crashed(type: "image" | "rejected" | "start_failed", message: string): End {
  return { end: "crashed", cause: { type, message } };
}
