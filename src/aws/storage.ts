import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../app.ts";
import { sqsQueue } from "../queues/sqs.ts";
import { dynamoRegistry } from "../stores/dynamodb/flows.ts";
import { dynamoHosts } from "../stores/dynamodb/hosts.ts";
import { dynamoStore } from "../stores/dynamodb/runs.ts";
import { openTable } from "../stores/dynamodb/table.ts";
import { dynamoTokens } from "../stores/dynamodb/tokens.ts";
import { sdkSettings } from "./sdk.ts";
import type { AwsSettings, Env } from "./settings.ts";

/** What storage needs from outside. */
export interface StorageOptions {
  readonly settings: AwsSettings;
  readonly env: Env;
  now(): Date;
  newId(): string;
}

/** What the AWS shape keeps things in: one table and one queue. Calls nothing. */
export function openStorage({
  settings,
  env,
  now,
  newId,
}: StorageOptions): Pick<App, "store" | "registry" | "tokens" | "hosts" | "queue"> {
  const client = sdkSettings(env);
  const table = openTable({ table: settings.table, client });
  const outside = { now, newId, random: Math.random, sleep: (ms: number) => sleep(ms) };
  return {
    store: dynamoStore(table, { newId, keepDays: settings.keepDays }),
    registry: dynamoRegistry(table, outside),
    tokens: dynamoTokens(table),
    hosts: dynamoHosts(table, outside),
    queue: sqsQueue({ ...outside, queue: settings.queue, client }),
  };
}
