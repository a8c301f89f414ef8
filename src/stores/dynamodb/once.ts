import type { Once } from "../../registry.ts";
import type { Timestamp } from "../../time.ts";
import { type Claim, type OnceCall, type OnceOptions, onceOver } from "../once.ts";
import { type Item, textOf } from "./item.ts";
import { nameKey } from "./keys.ts";
import type { Key, Table } from "./table.ts";

/** What `once` needs from outside in a table. */
export interface DynamoOnceOptions extends OnceOptions {
  /** A random number from 0 up to 1. */
  random(): number;
}

/** How often a waiting caller looks whether the value is there, on average: each at moments of its own. */
const LOOK_EVERY_MS = 200;

/** Makes a value once for all processes that share a table. */
export function dynamoOnce(table: Table, options: DynamoOnceOptions): Once {
  return onceOver(
    {
      claim: (call, { now, until }) => claim(table, { ...call, now, until }),
      keep: (call, value) => keep(table, call, value),
      giveBack: ({ key, by }) =>
        table.remove(onceKey(key), {
          text: "#claimed_by = :by AND attribute_not_exists(#made)",
          values: { by },
        }),
      pauseMs: () => LOOK_EVERY_MS * (0.5 + options.random()),
    },
    options,
  );
}

interface Claiming extends OnceCall {
  readonly now: Timestamp;
  readonly until: Timestamp;
}

async function claim(table: Table, { key, by, now, until }: Claiming): Promise<Claim> {
  // A write costs more than a read and is charged even if refused.
  const seen = await table.get(onceKey(key));
  if (seen !== undefined && !isFree(seen, now)) return claimIn(seen);
  const written = await table.update({
    key: onceKey(key),
    set: { claimed_by: by, claimed_until: until },
    condition: `attribute_not_exists(#pk) OR (attribute_not_exists(#made)
                AND (#claimed_until <= :now OR #claimed_by = :claimed_by))`,
    values: { now },
  });
  if (written.done) return { type: "ours" };
  return written.item === undefined ? { type: "others" } : claimIn(written.item);
}

function isFree(item: Item, now: string): boolean {
  return item["made"] === undefined && textOf(item, "claimed_until") <= now;
}

function claimIn(item: Item): Claim {
  return item["made"] === undefined
    ? { type: "others" }
    : { type: "made", value: textOf(item, "made") };
}

async function keep(table: Table, { key, by }: OnceCall, made: string): Promise<string> {
  const written = await table.update({
    key: onceKey(key),
    set: { made, claimed_by: by },
    condition: "attribute_not_exists(#made)",
  });
  return written.item === undefined ? made : textOf(written.item, "made");
}

function onceKey(key: string): Key {
  return { pk: `once#${nameKey(key)}`, sk: "once" };
}
