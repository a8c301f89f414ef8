import type { App } from "../app.ts";
import { observationOf, type TaskEvent } from "../backends/ecs/events.ts";
import { messageOf } from "../errors.ts";
import { observe } from "../observe.ts";

/**
 * Takes an event of EventBridge about a task of ECS, as it comes out of a queue. Tasks that Sluice has not
 * started are none of its business. What cannot be read is logged and dropped: no other try reads it, and
 * `poll` finds whatever an event says.
 */
export async function observeEvent(app: App, body: string): Promise<void> {
  const seen = read(app, body);
  if (seen !== undefined) await observe(app, seen.runId, seen.observation);
}

function read(app: App, body: string): ReturnType<typeof observationOf> {
  try {
    return observationOf(JSON.parse(body) as TaskEvent);
  } catch (error) {
    app.log.error("event dropped: it cannot be read", { reason: messageOf(error) });
    return undefined;
  }
}
