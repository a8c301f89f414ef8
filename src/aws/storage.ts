import { setTimeout as sleep } from "node:timers/promises";
import type { App, Storage } from "../app.ts";
import { sqsQueue } from "../queues/sqs.ts";
import { dynamoStorage } from "../stores/dynamodb/storage.ts";
import { openTable } from "../stores/dynamodb/table.ts";
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
}: StorageOptions): Storage & Pick<App, "queue"> {
  const client = sdkSettings(env);
  const table = openTable({ table: settings.table, client });
  const outside = { now, newId, random: Math.random, sleep: (ms: number) => sleep(ms) };
  return {
    ...dynamoStorage(table, { ...outside, keepDays: settings.keepDays }),
    queue: sqsQueue({ ...outside, queue: settings.queue, client }),
  };
}
