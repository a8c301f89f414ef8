import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { JsonObject } from "../json.ts";
import { sdkSettings } from "./sdk.ts";
import type { Env } from "./settings.ts";

/** What the events of this service are called. */
const SOURCE = "sluice";
const DETAIL_TYPE = "Sluice Run State Change";

/** PutEvents takes at most so many. */
const BATCH = 10;

/**
 * Puts events on the bus in order and returns how many went before the first that did not: all, unless
 * the bus refused one. Throws if the bus cannot be asked.
 */
export type PutEvents = (details: readonly JsonObject[]) => Promise<number>;

/** The bus `SLUICE_BUS` of the function's account. */
export function eventBus(env: Env): PutEvents {
  const client = new EventBridgeClient(sdkSettings(env));
  const bus = env["SLUICE_BUS"] ?? "default";
  return async (details) => {
    for (let start = 0; start < details.length; start += BATCH) {
      const Entries = details.slice(start, start + BATCH).map((detail) => ({
        EventBusName: bus,
        Source: SOURCE,
        DetailType: DETAIL_TYPE,
        Detail: JSON.stringify(detail),
      }));
      const { Entries: results = [] } = await client.send(new PutEventsCommand({ Entries }));
      const failed = results.findIndex(({ ErrorCode }) => ErrorCode !== undefined);
      if (failed >= 0) return start + failed;
    }
    return details.length;
  };
}
