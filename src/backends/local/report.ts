import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import type { Job, JobStatus, LaunchKey } from "../../run.ts";

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
