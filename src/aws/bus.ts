import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
} from "@aws-sdk/client-eventbridge";
import { type BatchLimits, batches } from "../chunks.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { Logger } from "../log.ts";
import { sdkSettings } from "./sdk.ts";
import type { Env } from "./settings.ts";

/** What the events of this service are called. */
const SOURCE = "sluice";
const DETAIL_TYPE = "Sluice Run State Change";

/**
 * What is put with one call. PutEvents takes 256 KiB, the names around the details included, and an event
 * over that fails all that are with it; so a KiB stays free.
 */
const BATCH: BatchLimits<Event> = {
  most: 10,
  mostBytes: 255 * 1024,
  bytesOf: ({ bytes }) => bytes,
};

/**
 * Puts events on the bus in order and returns how many went before the first that did not: all, unless
 * the bus refused one. Throws if the bus cannot be asked. An event that no bus takes, for it is too large,
 * counts as gone and is told to the log: it must not hold up those behind it for ever.
 */
export type PutEvents = (details: readonly JsonObject[]) => Promise<number>;

/** The bus `SLUICE_BUS` of the function's account. */
export function eventBus(env: Env, log: Logger): PutEvents {
  const client = new EventBridgeClient(sdkSettings(env));
  const bus = env["SLUICE_BUS"] ?? "default";
  return async (details) => {
    const events = details.map((detail, position) => eventOf(detail, position, bus));
    for (const { position, bytes } of events.filter(isTooLarge)) {
      log.error("event not published: no bus takes one of its size", {
        bytes,
        ...nameOf(details[position]),
      });
    }
    const fitting = events.filter((event) => !isTooLarge(event));
    for (const batch of batches(fitting, BATCH)) {
      const Entries = batch.map(({ entry }) => entry);
      const { Entries: results = [] } = await client.send(new PutEventsCommand({ Entries }));
      const failed = batch[results.findIndex(({ ErrorCode }) => ErrorCode !== undefined)];
      if (failed !== undefined) return failed.position;
    }
    return details.length;
  };
}

/** An event as PutEvents takes it, its place among those to be put, and what it counts. */
interface Event {
  readonly entry: PutEventsRequestEntry;
  readonly position: number;
  readonly bytes: number;
}

function eventOf(detail: JsonObject, position: number, EventBusName: string): Event {
  const entry = {
    EventBusName,
    Source: SOURCE,
    DetailType: DETAIL_TYPE,
    Detail: JSON.stringify(detail),
  };
  const bytes = Object.values(entry).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return { entry, position, bytes };
}

function isTooLarge({ bytes }: Event): boolean {
  return bytes > BATCH.mostBytes;
}

/** Which run an event is about. */
function nameOf(detail: JsonObject | undefined): { readonly runId?: string } {
  const run = detail?.["run"];
  const id = isJsonObject(run) ? run["id"] : undefined;
  return typeof id === "string" ? { runId: id } : {};
}
