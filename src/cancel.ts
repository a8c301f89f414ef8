import type { App } from "./app.ts";
import { messageOf } from "./errors.ts";
import { existingRun } from "./existing-run.ts";
import { backendOf } from "./jobs.ts";
import { move } from "./move.ts";
import { isFinal, type Run, type RunState } from "./run.ts";
import { launchOf, REQUESTED } from "./state-after.ts";
import { MINUTE, plus, timestamp } from "./time.ts";

/**
 * Asks that a run ends, and returns it as it is then: `cancelled` at once if it was not launched, else
 * `cancelling` until the platform says how its job ended. A run that has ended stays as it is. Throws
 * `PermanentError` ("not_found") if there is no such run.
 */
export async function cancel(app: App, id: string): Promise<Run> {
  for (;;) {
    const run = await existingRun(app.store, id);
    const next = stateWhenCancelled(app, run);
    if (next === undefined) return run;
    const moved = await move(app, run, { event: "cancel", next });
    if (moved === undefined) continue;
    await stopJob(app, moved);
    return moved;
  }
}

function stateWhenCancelled(app: App, { state, place }: Run): RunState | undefined {
  if (isFinal(state)) return undefined;
  const now = timestamp(app.now());
  // Nobody here can stop the job of another place: its next tick does.
  const until = place === app.place ? plus(now, MINUTE) : now;
  switch (state.type) {
    case "scheduled":
      return { type: "cancelled", cause: REQUESTED };
    case "waiting":
      if (state.refused === undefined) return { type: "cancelled", cause: REQUESTED };
      // Its job may show up after all: one more look is enough, for the platform has had time.
      return { type: "cancelling", ...state.refused, until: now, misses: 1 };
    case "launching":
      return { type: "cancelling", ...launchOf(state), until: state.until, misses: 0 };
    case "submitted":
      return { type: "cancelling", ...launchOf(state), job: state.job, until, misses: 0 };
    case "running": {
      const { job, startedAt } = state;
      const started = startedAt === undefined ? {} : { startedAt };
      return { type: "cancelling", ...launchOf(state), job, until, misses: 0, ...started };
    }
    case "cancelling":
      return undefined;
  }
}

/** Asks the platform at once; if that fails, `poll` asks again. */
async function stopJob(app: App, { id, place, state }: Run): Promise<void> {
  if (state.type !== "cancelling" || state.job === undefined || place !== app.place) return;
  try {
    const backend = await backendOf(app, state);
    await backend.cancel(state.job);
  } catch (error) {
    app.log.warn("job not stopped yet", { runId: id, reason: messageOf(error) });
  }
}
