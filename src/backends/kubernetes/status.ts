import { exited } from "../../exit.ts";
import type { JobStatus } from "../../run.ts";
import type { Evidence, Patience } from "./evidence.ts";
import { hopeless } from "./hopeless.ts";
import { type ConditionJson, condition, type JobJson, type PodJson } from "./objects.ts";
import { type End, podEnd } from "./pod-end.ts";
import { ageOf, inOrder, isOver, newest, statusOfContainer, timeOf, timestampOf } from "./pods.ts";
import { flowContainerName } from "./request.ts";
import { isForgotten, stoppedEnd } from "./stop.ts";

/** How a Job is, and whether it has to be stopped because it will never end by itself. */
export interface Judgement {
  readonly status: JobStatus;
  readonly stop?: End;
  /** It was stopped, and yet goes on: its controller must look at it again. */
  readonly forgotten?: true;
}

/** A pod that should have been gone for longer than this is on a machine nobody hears of. */
const GONE_AFTER_MS = 5 * 60_000;

/** Whether the Job alone does not say enough. */
export function needsPods(job: JobJson): boolean {
  if (condition(job.status?.conditions, "Complete") || isSuspended(job)) return false;
  if (condition(job.status?.conditions, "Failed")) return true;
  return (job.status?.ready ?? 0) === 0;
}

/**
 * Judges a Job. Pure.
 *
 * Only the conditions `Complete` and `Failed` end it: a count of failed pods does not, while Kubernetes
 * may still start another. A Job that cannot go on is judged hopeless with the end its run shall have;
 * it is reported as ended only once Kubernetes has ended it, so that nothing of it is alive then.
 */
export function judge(evidence: Evidence, patience: Patience): Judgement {
  const { job } = evidence;
  if (condition(job.status?.conditions, "Complete")) {
    return { status: { type: "ended", ...exited(0) } };
  }
  const failed = condition(job.status?.conditions, "Failed");
  if (failed !== undefined) return { status: afterFailure(evidence, failed, patience) };
  if (isSuspended(job)) return { status: { type: "pending", detail: "suspended" } };
  const status = withEvents(unfinished(evidence), evidence);
  if (isForgotten(job, patience.now)) return { status, forgotten: true };
  if (stoppedEnd(job) !== undefined) return { status };
  const stop = hopeless(evidence, patience);
  return stop === undefined ? { status } : { status, stop };
}

function isSuspended(job: JobJson): boolean {
  return job.spec?.["suspend"] === true;
}

function unfinished({ job, pods }: Evidence): JobStatus {
  if ((job.status?.ready ?? 0) > 0) return running(job.status?.startTime);
  const pod = newest(pods);
  if (pod === undefined) return { type: "pending", detail: "no pod yet" };
  const state = statusOfContainer(pod, flowContainerName({ spec: job.spec }))?.state;
  if (state?.running) return running(state.running.startedAt);
  if (state?.waiting) return pending(state.waiting.reason, state.waiting.message);
  if (pod.status?.phase === "Pending") {
    const place = pod.status.conditions?.find(({ type }) => type === "PodScheduled");
    return place?.status === "False"
      ? pending(place.reason, place.message)
      : pending(pod.status.reason, pod.status.message);
  }
  // The process has ended and Kubernetes has not drawn its conclusion yet.
  return running(pod.status?.startTime);
}

function running(startedAt: string | undefined): JobStatus {
  return {
    type: "running",
    ...(startedAt === undefined ? {} : { startedAt: timestampOf(startedAt) }),
  };
}

function pending(reason = "Pending", message?: string): JobStatus {
  return { type: "pending", detail: message ? `${reason}: ${message}` : reason };
}

/** How many of the events are told: the newest. */
const EVENTS_TOLD = 5;

/** What was reported of a Job that waits, oldest first. */
function withEvents(status: JobStatus, { job, pods, events }: Evidence): JobStatus {
  const dated = inOrder(events).filter((event) => timeOf(event) !== "");
  if (status.type !== "pending" || dated.length === 0) return status;
  const pod = newest(pods);
  const of = pod === undefined ? `Job ${job.metadata?.name}` : `pod ${pod.metadata?.name}`;
  const words = dated.slice(-EVENTS_TOLD).map(({ reason, message }) => `${reason}: ${message}`);
  return { type: "pending", detail: `${status.detail}; ${of}: ${words.join("; ")}` };
}

/**
 * A Job that was ended from outside deletes its pods, and older versions of Kubernetes call it failed
 * while they still stop, now and then for its deleted pods and not for its deadline. A pod that had ended
 * before tells the truth nevertheless.
 */
function afterFailure(
  { job, pods }: Evidence,
  failed: ConditionJson,
  { now }: Patience,
): JobStatus {
  if (pods.some((pod) => isAlive(pod, now))) return { type: "running" };
  const pod = newest(pods.filter(isOver)) ?? newest(pods);
  const own = pod && podEnd(pod, flowContainerName({ spec: job.spec }));
  const outside =
    stoppedEnd(job) ?? (failed.reason === "DeadlineExceeded" ? deadline(failed) : undefined);
  if (outside === undefined) return { type: "ended", ...(own ?? unexplained(job, failed, pod)) };
  const before = pod?.metadata?.deletionTimestamp === undefined ? own : undefined;
  return { type: "ended", ...(before ?? outside) };
}

function isAlive(pod: PodJson, now: Date): boolean {
  const gone = pod.metadata?.deletionTimestamp;
  return !isOver(pod) && !(gone !== undefined && ageOf(gone, now) > GONE_AFTER_MS);
}

function deadline({ message = "activeDeadlineSeconds is over" }: ConditionJson): End {
  return { end: "timed_out", cause: { type: "deadline", message: `DeadlineExceeded: ${message}` } };
}

/** Kubernetes deletes the pod of a Job that restarts its container; otherwise somebody else did. */
function unexplained(
  job: JobJson,
  { reason = "Failed", message = "" }: ConditionJson,
  pod: PodJson | undefined,
): End {
  const words = message === "" ? reason : `${reason}: ${message}`;
  const template = job.spec?.["template"] as { spec?: { restartPolicy?: unknown } } | undefined;
  const restarts = template?.spec?.restartPolicy === "OnFailure";
  if (pod === undefined && restarts && reason === "BackoffLimitExceeded") {
    return { end: "failed", cause: { type: "exit", message: `${words} (its pod is deleted)` } };
  }
  const silence =
    pod === undefined ? "no pod is left to say why" : `pod ${pod.metadata?.name} does not say why`;
  return { end: "crashed", cause: { type: "infrastructure", message: `${words}; ${silence}` } };
}
