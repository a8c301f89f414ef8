import type { App } from "../app.ts";
import type { World } from "../backend.ts";
import { observationOf, type TaskEvent } from "../backends/ecs/events.ts";
import { messageOf } from "../errors.ts";
import { observe } from "../observe.ts";

/** The app that takes events, and of which installation: its marks tell its tasks from those of others. */
export type Observer = App & Pick<World, "installation">;

/**
 * Takes an event of EventBridge about a task of ECS, as it comes out of a queue. Tasks that the app's
 * installation has not started are none of its business. What cannot be read is logged and dropped: no
 * other try reads it, and `poll` finds whatever an event says.
 */
export async function observeEvent(app: Observer, body: string): Promise<void> {
  const seen = read(app, body);
  if (seen !== undefined) await observe(app, seen.runId, seen.observation);
}

function read(app: Observer, body: string): ReturnType<typeof observationOf> {
  try {
    return observationOf(JSON.parse(body) as TaskEvent, app.installation);
  } catch (error) {
    app.log.error("event dropped: it cannot be read", { reason: messageOf(error) });
    return undefined;
  }
}
