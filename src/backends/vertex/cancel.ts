import type { Job } from "../../run.ts";
import { explained, isWrongState, unlessUnknown } from "./errors.ts";
import { refOf } from "./job.ts";
import type { ApiFor } from "./regions.ts";
import { FINISHED_STATES, stateOf } from "./status.ts";

/** States in which there is nothing left to stop. */
const STOPPED: ReadonlySet<string> = new Set([...FINISHED_STATES, "JOB_STATE_CANCELLING"]);

/**
 * Asks Vertex AI to stop a job, which it does when it can and not at once. A job it does not know, or
 * one that has ended, is left alone.
 */
export async function cancelJob(apiFor: ApiFor, job: Job): Promise<void> {
  const { parent, name } = refOf(job);
  const api = apiFor(parent);
  await explained(`cancel ${name}`, () =>
    unlessUnknown(async () => {
      try {
        await api.cancel(name);
      } catch (error) {
        // An ended job is refused as being in the wrong state; look rather than trust the code.
        if (!isWrongState(error)) throw error;
        const { state } = await api.get(name);
        if (!STOPPED.has(stateOf(state) ?? "")) throw error;
      }
    }),
  );
}
