import type { App } from "./app.ts";
import { causeOf } from "./cause.ts";
import { readBody } from "./dispatch/intake.ts";
import { bodyIfSame, failedRun, newRun } from "./dispatch/new-run.ts";
import type { JsonValue } from "./json.ts";
import { announce, move } from "./move.ts";
import type { Message } from "./queue.ts";
import { type Cause, CLOUD, type Run, type Waiting } from "./run.ts";
import type { NewRun } from "./store.ts";

/** Tells the last reason, if there is one, for not everybody has the log. */
function abandoned(why = "the log says why"): Cause {
  return {
    type: "abandoned",
    message: `every delivery of its message failed; ${why}. Rerun it when that is mended`,
  };
}

/**
 * Ends the run of a dead message, so that nothing is lost without a trace: an unknown run is stored as
 * ended, with the body kept; one that was not launched ends. One whose launch was begun is left to `poll`,
 * also if it waits for its platform.
 */
export async function abandon(app: App, message: Message): Promise<void> {
  const intake = await readBody(app, message.body, message.id);
  switch (intake.type) {
    case "reference": {
      const run = await app.store.get(intake.runId);
      if (run !== undefined) return end(app, run);
      // A host of a remote agent is only told of stored runs, so it has been forgotten since.
      if (app.place !== CLOUD) return;
      const received = { run_id: intake.runId };
      return store(app, failedRun(app, { id: intake.runId, received }, abandoned()), received);
    }
    case "request": {
      const state = { type: "crashed", cause: abandoned() } as const;
      return store(app, newRun(app, intake, state), intake.accepted.received);
    }
    case "faulty": {
      const cause = abandoned(causeOf(intake.error).message);
      return store(app, failedRun(app, intake, cause), intake.received);
    }
  }
}

async function store(app: App, fresh: NewRun, received: JsonValue): Promise<void> {
  const { run, created } = await app.store.create(fresh);
  if (created) announce(app, run);
  else if ((await bodyIfSame(app, run.id, received)) !== undefined) await end(app, run);
}

async function end(app: App, run: Run): Promise<void> {
  let current: Run | undefined = run;
  while (current?.state.type === "scheduled" || current?.state.type === "waiting") {
    const { state } = current;
    if (state.type === "waiting" && isBegun(state)) return;
    const why = state.type === "waiting" ? `it waited: ${state.message}` : undefined;
    const next = { type: "crashed", cause: abandoned(why) } as const;
    if ((await move(app, current, { event: "end", next })) !== undefined) return;
    current = await app.store.get(run.id);
  }
}

/**
 * Whether a launch goes on without the message: a platform that has refused it may have started its job all
 * the same; and one that could not look at it yet is asked again in its time, for some handler has got that
 * far. If the run was sent since, this message may be the one that all of it hung on.
 */
function isBegun({ refused, pending, sent }: Waiting): boolean {
  return refused !== undefined || (pending !== undefined && sent === undefined);
}
