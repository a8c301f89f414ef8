import type { Logger } from "../log.ts";
import { endBody } from "../stores/dynamodb/body-end.ts";
import type { Item } from "../stores/dynamodb/item.ts";
import { openTable } from "../stores/dynamodb/table.ts";
import { eventBus, type PutEvents } from "./bus.ts";
import { sdkSettings } from "./sdk.ts";
import type { Env } from "./settings.ts";

/** What follows a change of a state. */
export interface Publisher {
  readonly put: PutEvents;
  /** Lets the body of this head expire with it, if the head does. Throws if the table does not take it. */
  endBody(head: Item): Promise<void>;
}

/** The bus and the table of the function's account, by the names in its environment. */
export function openPublisher(env: Env, log: Logger): Publisher {
  const table = openTable({ table: env["SLUICE_TABLE"] ?? "", client: sdkSettings(env) });
  return { put: eventBus(env, log), endBody: (head) => endBody(table, head) };
}
