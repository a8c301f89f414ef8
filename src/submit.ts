import type { App } from "./app.ts";
import { accept } from "./dispatch/intake.ts";
import { newRun, sameBody } from "./dispatch/new-run.ts";
import { PermanentError } from "./errors.ts";
import { runNotFound } from "./existing-run.ts";
import { isJsonObject, type JsonValue } from "./json.ts";
import { announce } from "./move.ts";
import type { Run } from "./run.ts";
import { referenceTo, scheduleFor } from "./schedule.ts";
import { timestamp } from "./time.ts";

/** What came of a request for a run. */
export interface Submission {
  readonly run: Run;
  /** False if the same request was made before: the run is the one it made. */
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/**
 * Stores a run and puts it on the queue. The same id with the same request is the same run; with
 * another one it throws `PermanentError` ("conflict"). Faults are thrown all at once, before anything
 * is stored.
 */
export async function submit(
  app: App,
  received: JsonValue,
  defaultId: string = app.newId(),
): Promise<Submission> {
  const accepted = await accept(app, received);
  const id = accepted.message.runId ?? defaultId;
  const { state, delaySeconds } = scheduleFor(
    timestamp(app.now()),
    accepted.request.scheduledStart,
  );
  const { run, created } = await app.store.create(newRun(app, { id, accepted }, state));
  if (!created) {
    await refuseOther(app, id, received);
    return { run, created, warnings: accepted.warnings };
  }
  announce(app, run);
  if (delaySeconds !== undefined) await app.queue.send([{ body: referenceTo(id), delaySeconds }]);
  return { run, created, warnings: accepted.warnings };
}

/**
 * Submits again what a run was asked for, as a new run that starts at once. Throws `PermanentError`
 * ("not_found") if there is no such run, and whatever `submit` throws.
 */
export async function rerun(app: App, id: string): Promise<Submission> {
  const body = await app.store.body(id);
  if (body === undefined) throw runNotFound(id);
  if (!isJsonObject(body.received)) {
    throw new PermanentError(
      "invalid",
      `run ${id} cannot run again: what was received is not a JSON object; send a corrected message`,
    );
  }
  const { run_id: _, scheduled_start_time: __, ...again } = body.received;
  return submit(app, again);
}

async function refuseOther(app: App, id: string, received: JsonValue): Promise<void> {
  const body = await app.store.body(id);
  if (body !== undefined && sameBody(body.received, received)) return;
  throw new PermanentError(
    "conflict",
    `run ${id} exists and was asked for with another request: choose another run_id`,
  );
}
