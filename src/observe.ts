import type { App } from "./app.ts";
import { tellLate } from "./given-up.ts";
import { move } from "./move.ts";
import type { Run } from "./run.ts";
import { type Observation, stateAfter } from "./state-after.ts";
import { timestamp } from "./time.ts";

/**
 * Takes what a platform says of a job by itself: an event. It may come late, twice, out of order or
 * never; whatever it says, `poll` would have found as well. An unknown run is none of ours.
 */
export async function observe(app: App, runId: string, observation: Observation): Promise<void> {
  const run = await app.store.get(runId);
  if (run === undefined) {
    app.log.warn("event ignored: its run is not known", { runId });
    return;
  }
  tellLate(app, run, observation);
  await applyObservation(app, run, observation);
}

/**
 * Moves a run to the state it should be in after an observation. Whoever loses the race reads again
 * and applies the observation to what it read.
 */
export async function applyObservation(
  app: App,
  run: Run,
  observation: Observation,
): Promise<void> {
  let current: Run | undefined = run;
  while (current !== undefined) {
    const next = stateAfter(current, observation, timestamp(app.now()));
    if (next === undefined) return;
    if ((await move(app, current, { event: "observe", next })) !== undefined) return;
    current = await app.store.get(run.id);
  }
}
