import type { App } from "./app.ts";
import type { LogPage } from "./backend.ts";
import { PermanentError } from "./errors.ts";
import { existingRun } from "./existing-run.ts";
import { backendOf } from "./jobs.ts";
import { isFinal, jobOf } from "./run.ts";

/**
 * What the job of a run has written, from `after` on. A run without a job has written nothing: that is
 * complete if it has ended. Throws `PermanentError`: `not_found` if there is no such run, `unsupported`
 * if its logs are not to be had from here.
 */
export async function runLogs(app: App, id: string, after?: string): Promise<LogPage> {
  const run = await existingRun(app.store, id);
  const { state } = run;
  const job = jobOf(state);
  if (job === undefined || !("agent" in state) || state.agent === undefined) {
    return { lines: [], next: after ?? "", complete: isFinal(state) };
  }
  if (run.place !== app.place) {
    const host = await app.hosts.get(run.place);
    const machine = host === undefined ? "" : `, ${host.machine}`;
    throw new PermanentError(
      "unsupported",
      `the logs of run ${id} are on the machine of agent ${run.place}${machine}: read them there, with \`sluice logs ${id} --agent ${run.place}\``,
    );
  }
  const backend = await backendOf(app, { agent: state.agent });
  if (backend.logs === undefined) {
    const where = job.url === undefined ? `its backend ${job.backend}` : job.url;
    throw new PermanentError("unsupported", `Sluice does not read these logs: look at ${where}`);
  }
  const page = await backend.logs(job, after);
  return page.complete && !isFinal(state) ? { ...page, complete: false } : page;
}
