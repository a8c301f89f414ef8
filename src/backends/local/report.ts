import { setTimeout as sleep } from "node:timers/promises";
import type { LogPage, World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import type { Job, JobStatus, LaunchKey } from "../../run.ts";

/** How often the output of a run is looked at while it is shown. */
const SHOW_EVERY_MS = 250;

/** Tells the world at once how a process has ended. If that fails, the next look finds it. */
export async function reportEnd(
  world: World,
  { runId, launch }: LaunchKey,
  { job, inspect }: { readonly job: Job; readonly inspect: () => Promise<JobStatus | undefined> },
): Promise<void> {
  if (world.observe === undefined || world.closing.aborted) return;
  try {
    const status = await inspect();
    if (status?.type === "ended") world.observe(runId, { launch, job, status });
  } catch (error) {
    world.log.warn("end of a process not read", { runId, job: job.id, reason: messageOf(error) });
  }
}

/** Shows what a run writes, line by line, until its log is complete or the world closes. */
export async function showOutput(
  { show, closing, log }: World,
  runId: string,
  page: (after?: string) => Promise<LogPage>,
): Promise<void> {
  if (show === undefined) return;
  try {
    let after: string | undefined;
    while (!closing.aborted) {
      const { lines, next, complete } = await page(after);
      for (const { text } of lines) show(runId, text);
      if (complete) return;
      after = next;
      // It holds back neither the end of this process nor, with a full page, the next one.
      if (lines.length === 0) {
        await sleep(SHOW_EVERY_MS, undefined, { ref: false, signal: closing });
      }
    }
  } catch (error) {
    if (closing.aborted) return;
    log.warn("output of a run not shown", { runId, reason: messageOf(error) });
  }
}
