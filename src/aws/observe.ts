import type { App } from "../app.ts";
import { observationOf, type TaskEvent } from "../backends/ecs/events.ts";
import { observe } from "../observe.ts";

/**
 * Takes an event of EventBridge about a task of ECS, as it comes out of a queue. Tasks that Sluice has not
 * started are none of its business.
 */
export async function observeEvent(app: App, body: string): Promise<void> {
  const seen = observationOf(JSON.parse(body) as TaskEvent);
  if (seen !== undefined) await observe(app, seen.runId, seen.observation);
}
