import type { App } from "./app.ts";
import { isFinal, type Run } from "./run.ts";
import type { Observation } from "./state-after.ts";

/** Whether a run of this place has ended as lost, so that nobody knows what became of its job. */
export function isGivenUp({ place }: App, run: Run): boolean {
  return isFinal(run.state) && run.state.cause.type === "lost" && run.place === place;
}

/**
 * Logs what is said of the job of a run that was given up; nothing of any other run. The run stays as it
 * is, and a job that still runs is left to those who read the line.
 */
export function tellLate(
  app: App,
  run: Run,
  { job, status }: Pick<Observation, "job" | "status">,
): void {
  if (!isGivenUp(app, run)) return;
  const fields = { runId: run.id, job: job.id };
  switch (status.type) {
    case "pending":
    case "running":
      app.log.warn("job of a lost run found alive", fields);
      return;
    case "ended":
      // That nobody saw the end is known.
      if (status.cause.type === "lost") return;
      app.log.warn("job of a lost run ended after all", {
        ...fields,
        end: status.end,
        detail: status.cause.message,
      });
      return;
    case "missing":
      return;
  }
}
