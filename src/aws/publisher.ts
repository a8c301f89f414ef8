import { messageOf } from "../errors.ts";
import { runView } from "../http/views.ts";
import type { Logger } from "../log.ts";
import { endBody } from "../stores/dynamodb/body-end.ts";
import type { Item } from "../stores/dynamodb/item.ts";
import { openTable } from "../stores/dynamodb/table.ts";
import { eventBus, type PutEvents } from "./bus.ts";
import type { StreamedChange } from "./changes.ts";
import { sdkSettings } from "./sdk.ts";
import { type Env, tableOf } from "./settings.ts";

/** What follows a change of a state. */
export interface Publisher {
  /**
   * Lets the bodies of ended runs expire and tells the event bus of every change, in order. Returns how many
   * changes go before the first for which this was not done: all, unless one failed. That one and all that
   * follow it must come again, so events come at least once; `revision` tells them apart. Throws if the bus
   * cannot be asked.
   */
  publish(changes: readonly StreamedChange[]): Promise<number>;
}

/** What a publisher does to the outside. */
export interface PublisherParts {
  readonly put: PutEvents;
  /** Lets the body of this head expire with it, if the head does. Throws if the table does not take it. */
  endBody(head: Item): Promise<void>;
  readonly log: Logger;
}

/**
 * Publishes on the bus and in the table of the function's account, by the names in its environment. Throws
 * `PermanentError` ("invalid") if that names no table.
 */
export function openPublisher(env: Env, log: Logger): Publisher {
  const table = openTable({ table: tableOf(env), client: sdkSettings(env) });
  return publisherOf({ put: eventBus(env, log), endBody: (head) => endBody(table, head), log });
}

/** A publisher made of its parts. */
export function publisherOf(parts: PublisherParts): Publisher {
  return {
    async publish(changes) {
      const ended = await endBodies(changes, parts);
      return parts.put(changes.slice(0, ended).map(detailOf));
    },
  };
}

/** Returns how many changes go before the first whose body could not be ended: all, unless one failed. */
async function endBodies(
  changes: readonly StreamedChange[],
  { endBody, log }: PublisherParts,
): Promise<number> {
  const ends = await Promise.allSettled(changes.map(({ head }) => endBody(head)));
  for (const [index, end] of ends.entries()) {
    if (end.status === "fulfilled") continue;
    const runId = changes[index]?.run.id;
    log.warn("body not ended", { runId, reason: messageOf(end.reason) });
  }
  const failed = ends.findIndex(({ status }) => status === "rejected");
  return failed === -1 ? changes.length : failed;
}

/** An event tells of a run as the API does. */
function detailOf({ run, from }: StreamedChange) {
  return { run: runView(run), revision: run.revision, ...(from === undefined ? {} : { from }) };
}
