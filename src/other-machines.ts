import type { Machine } from "./backend.ts";
import { PermanentError } from "./errors.ts";
import type { Job, JobStatus } from "./run.ts";

/**
 * How a job is that another machine has started: nobody here can say, until that machine is lost, and
 * the job with it. `where` says for people which machine that is.
 */
export async function statusElsewhere(
  job: Job,
  where: string,
  machine: Machine,
): Promise<JobStatus | undefined> {
  if (!(await machine.othersLost())) return undefined;
  const message = `${job.id} was started at ${where}, which is lost, and nothing says how it ended`;
  return { type: "ended", end: "crashed", cause: { type: "lost", message } };
}

/**
 * Throws for as long as something that only another machine can do, or say, may still come from there.
 * `what` begins a sentence.
 */
export async function leaveElsewhere(what: string, machine: Machine): Promise<void> {
  if (await machine.othersLost()) return;
  throw new Error(`${what}, which may come back: nobody else knows what became of it`);
}

/** The error of whoever wants to read the log of a job of another machine. */
export function logElsewhere(job: Job, where: string): PermanentError {
  return new PermanentError(
    "unsupported",
    `the log of ${job.id} is at ${where}, and cannot be read from this machine`,
  );
}
