import type { App } from "./app.ts";
import { agentOf, isFinal, jobOf, type Place, type Run, type RunState } from "./run.ts";
import { timestamp } from "./time.ts";
import { isTransition, type TransitionEvent } from "./transitions.ts";

/**
 * Moves a run to its next state; the only place where a state is written. Returns undefined, and
 * changes nothing, if somebody else moved it first. Throws if the table of transitions has no such row.
 */
export async function move(
  app: App,
  run: Run,
  { event, next, place }: { event: TransitionEvent; next: RunState; place?: Place },
): Promise<Run | undefined> {
  if (!isTransition(run.state, event, next)) {
    throw new Error(`a run cannot go from ${run.state.type} by "${event}" to ${next.type}`);
  }
  const moved = await app.store.transition(run, next, { now: timestamp(app.now()), place });
  if (moved !== undefined) announce(app, moved, run.state.type);
  return moved;
}

/** Logs a change of state and tells whoever listens. */
export function announce(app: App, run: Run, from?: RunState["type"]): void {
  const { state } = run;
  const job = jobOf(state);
  // Sending a message again, or renewing a lease, is no news.
  if (from !== state.type) {
    app.log.info("run changed state", {
      runId: run.id,
      flow: run.flow.name,
      state: state.type,
      ...(from === undefined ? {} : { from }),
      ...(agentOf(state) === undefined ? {} : { agent: agentOf(state) }),
      ...(job === undefined ? {} : { job: job.id }),
      ...(state.type === "waiting" ? { reason: state.reason, detail: state.message } : {}),
      ...(isFinal(state) ? { cause: state.cause.type, detail: state.cause.message } : {}),
    });
  }
  app.changed?.({ run, ...(from === undefined ? {} : { from }) });
}
