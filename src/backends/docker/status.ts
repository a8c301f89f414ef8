import { exited } from "../../exit.ts";
import type { Cause, JobStatus } from "../../run.ts";
import { type Timestamp, timestamp } from "../../time.ts";
import type { Container, ContainerState } from "./api.ts";

/**
 * What a container is about. Its status is read before its exit code, which is 0 before the start, and
 * a memory limit counts only if the process itself ended badly: the engine also notes that a limit has
 * killed some child of it.
 */
export function statusOf(state: ContainerState): JobStatus {
  switch (state.Status) {
    case "created":
      return state.Error === "" ? { type: "pending", detail: "created" } : startFailed(state);
    case "running":
    case "paused":
    case "restarting":
      return running(state);
    case "exited":
    case "removing":
    case "stopped":
      return wasStarted(state) ? ended(state) : startFailed(state);
    case "dead":
      return lost("the engine could not remove it whole, and calls it dead");
    default:
      return { type: "pending", detail: `status ${state.Status}` };
  }
}

/** The status of a container that is gone. */
export function lost(how: string): JobStatus {
  const message = `the container is lost: ${how}; nothing says how it ended`;
  return { type: "ended", end: "crashed", cause: { type: "lost", message } };
}

/** Whether a container has ever run: the engine writes the year 1 for never. */
export function wasStarted({ StartedAt }: ContainerState): boolean {
  return momentOf(StartedAt) !== undefined;
}

/** When a container ended; undefined if it has not. */
export function finishedAt({ FinishedAt }: ContainerState): Timestamp | undefined {
  return momentOf(FinishedAt);
}

/** The name of a container as people write it; the engine puts a slash before it. */
export function nameOf({ Name }: Pick<Container, "Name">): string {
  return Name.replace(/^\//, "");
}

function running({ StartedAt }: ContainerState): JobStatus {
  const startedAt = momentOf(StartedAt);
  return startedAt === undefined ? { type: "running" } : { type: "running", startedAt };
}

function ended({ ExitCode, OOMKilled, Error: words }: ContainerState): JobStatus {
  if (OOMKilled && ExitCode !== 0) {
    const message = `out of memory: the container reached its limit (exit code ${ExitCode})`;
    const cause: Cause = { type: "out_of_memory", message, exitCode: ExitCode };
    return { type: "ended", end: "failed", cause };
  }
  const { end, cause } = exited(ExitCode);
  const message = words === "" ? cause.message : `${cause.message}: ${words}`;
  return { type: "ended", end, cause: { ...cause, message } };
}

function startFailed({ Error: words, ExitCode }: ContainerState): JobStatus {
  const message = `the container could not be started: ${words === "" ? `code ${ExitCode}` : words}`;
  return { type: "ended", end: "crashed", cause: { type: "start_failed", message } };
}

function momentOf(text: string): Timestamp | undefined {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) || moment.getUTCFullYear() < 1970
    ? undefined
    : timestamp(moment);
}
