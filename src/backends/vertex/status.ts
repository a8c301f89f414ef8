import { exited } from "../../exit.ts";
import type { Cause, FinalType, JobStatus } from "../../run.ts";
import { MINUTE, type Timestamp } from "../../time.ts";
import { causeOfFailure } from "./failure.ts";
import { isNone } from "./none.ts";

/** A moment as Google's client gives it. */
export interface ClientTime {
  readonly seconds?: unknown;
  readonly nanos?: unknown;
}

/** The part of a CustomJob that says how it is. */
export interface VertexJob {
  /** Resource name: `projects/NUMBER/locations/REGION/customJobs/ID`. */
  readonly name?: string | null;
  /** Name or number of a JobState. */
  readonly state?: string | number | null;
  readonly createTime?: ClientTime | null;
  /** When it first ran; absent if it never did. */
  readonly startTime?: ClientTime | null;
  readonly endTime?: ClientTime | null;
  readonly labels?: Readonly<Record<string, string>> | null;
  readonly error?: { readonly code?: number | null; readonly message?: string | null } | null;
}

/** JobStates in the order of their numbers. */
export const JOB_STATES = [
  "JOB_STATE_UNSPECIFIED",
  "JOB_STATE_QUEUED",
  "JOB_STATE_PENDING",
  "JOB_STATE_RUNNING",
  "JOB_STATE_SUCCEEDED",
  "JOB_STATE_FAILED",
  "JOB_STATE_CANCELLING",
  "JOB_STATE_CANCELLED",
  "JOB_STATE_PAUSED",
  "JOB_STATE_EXPIRED",
  "JOB_STATE_UPDATING",
  "JOB_STATE_PARTIALLY_SUCCEEDED",
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** States in which a job stays. One nobody knows yet is taken for unfinished. */
export const FINISHED_STATES = [
  "JOB_STATE_SUCCEEDED",
  "JOB_STATE_FAILED",
  "JOB_STATE_CANCELLED",
  "JOB_STATE_EXPIRED",
  "JOB_STATE_PARTIALLY_SUCCEEDED",
] as const satisfies readonly JobState[];

/** Vertex AI sets the error of a failed job about a minute after its end. */
const ERROR_DELAY_MS = 3 * MINUTE;

/** gRPC's DEADLINE_EXCEEDED. */
const DEADLINE_EXCEEDED = 4;

/** What a CustomJob says of itself, in Sluice's words. Pure; a state nobody knows yet is no end. */
export function statusOf(job: VertexJob, now: Date): JobStatus {
  const state = stateOf(job.state);
  switch (state) {
    case undefined:
      return { type: "pending", detail: `state ${String(job.state)}` };
    case "JOB_STATE_UNSPECIFIED":
    case "JOB_STATE_QUEUED":
    case "JOB_STATE_PENDING":
    case "JOB_STATE_PAUSED":
      return { type: "pending", detail: wordOf(state) };
    case "JOB_STATE_RUNNING":
    case "JOB_STATE_UPDATING":
      return runningSince(job);
    case "JOB_STATE_CANCELLING":
      // It may still succeed or fail.
      return isNone(job.startTime) ? { type: "pending", detail: wordOf(state) } : runningSince(job);
    case "JOB_STATE_SUCCEEDED":
      return { type: "ended", ...exited(0) };
    case "JOB_STATE_PARTIALLY_SUCCEEDED":
      return ended("failed", { type: "exit", message: `partially succeeded${errorText(job)}` });
    case "JOB_STATE_EXPIRED":
      return ended("timed_out", { type: "deadline", message: `expired${errorText(job)}` });
    case "JOB_STATE_CANCELLED":
      return cancelled(job);
    case "JOB_STATE_FAILED":
      return awaitsError(job, now)
        ? { type: "pending", detail: "failed, the error follows" }
        : { type: "ended", ...causeOfFailure(job) };
  }
}

/** The name of a state that is given as name or number; undefined for one nobody knows. */
export function stateOf(state: VertexJob["state"]): JobState | undefined {
  if (typeof state === "number") return JOB_STATES[state];
  return JOB_STATES.find((known) => known === state);
}

/** A moment of Google's client as text. */
export function momentOf(time: ClientTime | null | undefined): Timestamp | undefined {
  if (isNone(time) || isNone(time.seconds)) return undefined;
  const ms = Number(String(time.seconds)) * 1_000 + Math.floor(Number(time.nanos ?? 0) / 1e6);
  return Number.isFinite(ms) ? new Date(ms).toISOString() : undefined;
}

function runningSince({ startTime }: VertexJob): JobStatus {
  const startedAt = momentOf(startTime);
  return { type: "running", ...(startedAt === undefined ? {} : { startedAt }) };
}

/** A job that ran too long is cancelled by Vertex AI itself and says so in its error. */
function cancelled(job: VertexJob): JobStatus {
  if (job.error?.code === DEADLINE_EXCEEDED) {
    return ended("timed_out", { type: "deadline", message: `ran too long${errorText(job)}` });
  }
  return ended("cancelled", { type: "requested", message: `cancelled${errorText(job)}` });
}

function awaitsError({ error, endTime }: VertexJob, now: Date): boolean {
  const end = momentOf(endTime);
  if ((error?.message ?? "") !== "" || end === undefined) return false;
  return now.getTime() - Date.parse(end) < ERROR_DELAY_MS;
}

function errorText({ error }: VertexJob): string {
  const message = error?.message ?? "";
  return message === "" ? "" : `: ${message}`;
}

function wordOf(state: JobState): string {
  return state.replace("JOB_STATE_", "").toLowerCase();
}

function ended(end: FinalType, cause: Cause): JobStatus {
  return { type: "ended", end, cause };
}
