import { exited } from "../../exit.ts";
import type { Cause, FinalType, JobStatus } from "../../run.ts";
import { FLOW_CONTAINER, isOurStop, isUndone } from "./names.ts";

/** A moment as the API (a date), an event (ISO text) or raw JSON (seconds) writes it. */
export type Moment = Date | string | number;

/** The parts of a task that say how it is; DescribeTasks and EventBridge write them alike. */
export interface TaskView {
  readonly taskArn?: string | undefined;
  readonly clusterArn?: string | undefined;
  readonly taskDefinitionArn?: string | undefined;
  readonly startedBy?: string | undefined;
  readonly lastStatus?: string | undefined;
  readonly desiredStatus?: string | undefined;
  readonly stopCode?: string | undefined;
  readonly stoppedReason?: string | undefined;
  readonly startedAt?: Moment | undefined;
  readonly stoppedAt?: Moment | undefined;
  readonly containers?: readonly ContainerView[] | undefined;
  /** What the task puts over its definition, if that is told. */
  readonly overrides?: OverridesView | null | undefined;
}

/** Overrides as answers have them: of each container, also of those that have none. */
export interface OverridesView {
  readonly containerOverrides?: readonly OverrideView[] | null | undefined;
}

/** The overrides of one container, as far as they make its task that of a run. */
export interface OverrideView {
  readonly name?: string | null | undefined;
  readonly command?: readonly string[] | null | undefined;
  readonly environment?:
    | readonly {
        readonly name?: string | undefined;
        readonly value?: string | null | undefined;
      }[]
    | null
    | undefined;
}

export interface ContainerView {
  readonly name?: string | undefined;
  /** Absent, or null in events, when nobody knows how the container ended. It is not 0 then. */
  readonly exitCode?: number | null | undefined;
  readonly reason?: string | null | undefined;
}

/**
 * What a task's state means for its run. Only the container that runs the flow counts, whatever happens
 * to those beside it. Pure.
 */
export function statusOf(task: TaskView, container: string = FLOW_CONTAINER): JobStatus {
  const startedAt = task.startedAt === undefined ? undefined : toTimestamp(task.startedAt);
  const { lastStatus = "UNKNOWN" } = task;
  switch (lastStatus) {
    case "PROVISIONING":
    case "PENDING":
    case "ACTIVATING":
      return { type: "pending", detail: lastStatus.toLowerCase() };
    case "STOPPED":
    case "DELETED":
      return ended(task, container);
    default:
      // RUNNING, the steps from there to STOPPED, and whatever AWS may add. The warning before a Spot
      // task is taken back is a task that runs and shall stop: it has not ended yet.
      if (task.stoppedAt !== undefined) return ended(task, container);
      if (startedAt === undefined && lastStatus !== "RUNNING") {
        return { type: "pending", detail: lastStatus.toLowerCase() };
      }
      return { type: "running", ...(startedAt === undefined ? {} : { startedAt }) };
  }
}

/** ISO 8601 in UTC with milliseconds, from any way a moment is written. */
export function toTimestamp(moment: Moment): string {
  return new Date(typeof moment === "number" ? moment * 1000 : moment).toISOString();
}

type Ended = Extract<JobStatus, { type: "ended" }>;

/** The first rule that fits decides. A Spot reclaim also leaves exit code 137, so it comes early. */
function ended(task: TaskView, name: string): Ended {
  const flow = flowOf(task, name);
  const { stopCode = "", stoppedReason = "" } = task;
  const told = [stoppedReason, flow?.reason ?? ""].filter((text) => text !== "").join("; ");
  const known = told === "" ? stopCode : told;
  if (isUndone(stoppedReason)) {
    return end("crashed", { type: "start_failed", message: stoppedReason });
  }
  if (isOurStop(stoppedReason)) {
    return end("cancelled", { type: "requested", message: stoppedReason, ...codeOf(flow) });
  }
  if (stopCode === "SpotInterruption" || /spot task was interrupted/i.test(stoppedReason)) {
    return end("crashed", { type: "reclaimed", message: known });
  }
  if (isLostMachine(stopCode, stoppedReason)) {
    return end("crashed", { type: "infrastructure", message: known });
  }
  const exitCode = flow?.exitCode ?? undefined;
  const startFault = exitCode === undefined ? notStarted(stopCode, told) : undefined;
  if (startFault !== undefined) return end("crashed", { type: startFault, message: known });
  if (/OutOfMemory/i.test(flow?.reason ?? "")) {
    return end("failed", { type: "out_of_memory", message: known, ...codeOf(flow) });
  }
  if (exitCode !== undefined) return exit(exitCode, known);
  const message = `the task stopped and nobody knows how its container ${name} ended`;
  return end("crashed", {
    type: stopCode === "UserInitiated" ? "killed" : "infrastructure",
    message: known === "" ? message : `${message}: ${known}`,
  });
}

/** The flow's container; the only one there is, if the definition names it otherwise. */
function flowOf({ containers = [] }: TaskView, name: string): ContainerView | undefined {
  const named = containers.find((container) => container.name === name);
  return named ?? (containers.length === 1 ? containers[0] : undefined);
}

function codeOf(container: ContainerView | undefined): { exitCode?: number } {
  const exitCode = container?.exitCode ?? undefined;
  return exitCode === undefined ? {} : { exitCode };
}

function isLostMachine(stopCode: string, reason: string): boolean {
  if (stopCode === "InfrastructureHealth" || stopCode === "TerminationNotice") return true;
  return /Host EC2 \(instance .*\) (terminated|stopped)|instance .*(terminated|deregistered|disconnected)/i.test(
    reason,
  );
}

/**
 * Why a task never started, by ECS's own words; undefined if it did start. What another try may cure is
 * `start_failed`; what stays wrong until somebody changes it is `image` or `rejected`.
 */
function notStarted(stopCode: string, told: string): Cause["type"] | undefined {
  const names =
    /CannotPullContainer|CannotStartContainer|CannotCreateContainer|ResourceInitialization/i;
  if (stopCode !== "TaskFailedToStart" && !names.test(told)) return undefined;
  if (PLACEMENT.test(told) || PASSING.test(told)) return "start_failed";
  if (/CannotPull|image.*not (be )?found|manifest unknown|pull access denied/i.test(told))
    return "image";
  if (STAYING.test(told)) return "rejected";
  return "start_failed";
}

/** Reasons of ECS's scheduler, in its spelling. */
const PLACEMENT = /RESOURCE:|\bAGENT\b/;

/** Capacity, networks and registries that were too slow. */
const PASSING =
  /capacity|time(d)?.?out|deadline exceeded|connection (refused|reset)|toomanyrequests|rate exceeded|throttl|no space left/i;

/** Secrets, roles and commands that are not there. */
const STAYING =
  /AccessDenied|not authorized|ResourceNotFound|secret.*(not|can't) (be )?f(ound|ind)|invalid ?parameters?|unable to assume|executable file not found|no such file|permission denied|ATTRIBUTE|constraint/i;

function exit(exitCode: number, known: string): Ended {
  const { end: type, cause } = exited(exitCode);
  // ECS says the same of every flow that ended by itself.
  const plain =
    known === "" || /^(Essential container in task exited|EssentialContainerExited)$/.test(known);
  return end(type, plain ? cause : { ...cause, message: `${cause.message}: ${known}` });
}

function end(type: FinalType, cause: Cause): Ended {
  return { type: "ended", end: type, cause };
}
