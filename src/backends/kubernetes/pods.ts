import type { ContainerStatusJson, EventJson, PodJson } from "./objects.ts";

/** The pod that was made last. */
export function newest(pods: readonly PodJson[]): PodJson | undefined {
  return [...pods].sort((a, b) => (createdAt(a) < createdAt(b) ? 1 : -1))[0];
}

/** What a pod says of its flow container; of its only one, if that has another name. */
export function statusOfContainer(pod: PodJson, name: string): ContainerStatusJson | undefined {
  const statuses = pod.status?.containerStatuses ?? [];
  return (
    statuses.find((status) => status.name === name) ??
    (statuses.length === 1 ? statuses[0] : undefined)
  );
}

/** Whether all containers of a pod have ended for good. */
export function isOver({ status }: PodJson): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Events by when they last happened; those that do not say so first. */
export function inOrder(events: readonly EventJson[]): readonly EventJson[] {
  return [...events].sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
}

/** When an event last happened; empty if it does not say. */
export function timeOf({ lastTimestamp, eventTime }: EventJson): string {
  return lastTimestamp ?? eventTime ?? "";
}

/** Milliseconds since a moment. */
export function ageOf(moment: string, now: Date): number {
  return now.getTime() - Date.parse(moment);
}

/** A moment as Kubernetes writes it, in whole seconds, as Sluice writes it. */
export function timestampOf(moment: string): string {
  return new Date(moment).toISOString();
}

function createdAt({ metadata }: PodJson): string {
  return metadata?.creationTimestamp ?? "";
}
