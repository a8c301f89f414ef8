import { exited } from "../../exit.ts";
import type { Job, JobStatus } from "../../run.ts";
import type { Trace } from "./folder.ts";

/**
 * How a process is, by what it has left. Pure.
 *
 * A process that was asked to stop and did not end well counts as cancelled, however it ended. One that
 * is neither alive nor has left an exit code is lost: killed together with its guard, or by the end of
 * the machine.
 */
export function statusOf(job: Job, trace: Trace | undefined): JobStatus {
  if (trace === undefined) {
    return lost(
      `nothing is left of process ${job.id}: its folder is gone, or in another data folder`,
    );
  }
  const { exitCode, alive, stopAskedAt, claimedAt, fault } = trace;
  const stopped = stopAskedAt !== undefined;
  if (exitCode === undefined) {
    if (alive) return { type: "running", startedAt: claimedAt };
    if (!stopped) return lost(`process ${job.id} is gone, and nobody saw how it ended`);
    const { cause } = exited(128 + SIGKILL);
    const message = "ended by SIGKILL, as SIGTERM did not end it in time";
    return { type: "ended", end: "cancelled", cause: { ...cause, message } };
  }
  if (fault !== undefined) {
    const message = `the command cannot be started: ${fault}`;
    return { type: "ended", end: "crashed", cause: { type: "start_failed", message, exitCode } };
  }
  const { end, cause } = exited(exitCode);
  return { type: "ended", end: stopped && end !== "succeeded" ? "cancelled" : end, cause };
}

const SIGKILL = 9;

function lost(message: string): JobStatus {
  return { type: "ended", end: "crashed", cause: { type: "lost", message } };
}
