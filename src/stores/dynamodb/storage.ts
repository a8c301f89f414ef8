import type { Storage } from "../../app.ts";
import { dynamoRegistry } from "./flows.ts";
import { dynamoHosts } from "./hosts.ts";
import type { DynamoOnceOptions } from "./once.ts";
import { dynamoStore, type StoreOptions } from "./runs.ts";
import type { Table } from "./table.ts";
import { dynamoTokens } from "./tokens.ts";

/** All that is kept in a table. */
export function dynamoStorage(table: Table, options: StoreOptions & DynamoOnceOptions): Storage {
  return {
    store: dynamoStore(table, options),
    registry: dynamoRegistry(table, options),
    tokens: dynamoTokens(table),
    hosts: dynamoHosts(table, options),
  };
}
