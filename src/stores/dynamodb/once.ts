import type { Once } from "../../registry.ts";
import { plus, timestamp } from "../../time.ts";
import { type Item, textOf } from "./item.ts";
import { nameKey } from "./keys.ts";
import type { Key, Table } from "./table.ts";

/** What `once` needs from outside, and how patient it is. */
export interface OnceOptions {
  now(): Date;
  /** A new identifier nobody else has. */
  newId(): string;
  /** A random number from 0 up to 1. */
  random(): number;
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
  /**
   * How long a maker is believed to be alive, in milliseconds; then another one takes over. It must be
   * longer than any making takes and clocks may differ, or something may be made twice. Default: 60,000.
   */
  readonly leaseMs?: number;
  /** How long a caller waits for other makers before it throws, in milliseconds. Default: 180,000. */
  readonly waitMs?: number;
}

/** The default of `leaseMs`. */
export const LEASE_MS = 60_000;
const WAIT_MS = 180_000;
/** How often a waiting caller looks whether the value is there, on average. */
const LOOK_EVERY_MS = 200;

/**
 * Makes a value once for all processes that share a table: whoever writes the claim makes it, the others
 * look again and again, at moments of their own. A maker that fails gives its claim back, one that died
 * loses it with the lease. If two make the same after all, everybody gets the value that was stored first.
 */
export function dynamoOnce(table: Table, options: OnceOptions): Once {
  return async (key, make) => {
    const call: Call = { table, key: onceKey(key), by: options.newId() };
    const waitMs = options.waitMs ?? WAIT_MS;
    const giveUp = plus(timestamp(options.now()), waitMs);
    for (;;) {
      const claim = await claimOf(call, options);
      if (claim.type === "made") return claim.value;
      if (claim.type === "ours") return await makeAndKeep(call, make);
      if (timestamp(options.now()) >= giveUp) {
        throw new Error(`${key} is still being made by others after ${waitMs} ms: try again later`);
      }
      await options.sleep(LOOK_EVERY_MS * (0.5 + options.random()));
    }
  };
}

/** One call of `once`. `by` is the fence: whatever the call writes later, it writes under this name. */
interface Call {
  readonly table: Table;
  readonly key: Key;
  readonly by: string;
}

type Claim =
  | { readonly type: "made"; readonly value: string }
  | { readonly type: "ours" }
  | { readonly type: "others" };

async function claimOf({ table, key, by }: Call, options: OnceOptions): Promise<Claim> {
  const now = timestamp(options.now());
  // A write costs more than a read and is charged even if refused.
  const seen = await table.get(key);
  if (seen !== undefined && !isFree(seen, now)) return claimIn(seen);
  const written = await table.update({
    key,
    set: { claimed_by: by, claimed_until: plus(now, options.leaseMs ?? LEASE_MS) },
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

async function makeAndKeep(call: Call, make: () => Promise<string>): Promise<string> {
  let value: string;
  try {
    value = await make();
  } catch (error) {
    // Why making failed matters more than a claim that could not be given back: that ends by itself.
    await Promise.allSettled([giveBack(call)]);
    throw error;
  }
  return await keep(call, value);
}

async function giveBack({ table, key, by }: Call): Promise<void> {
  await table.remove(key, {
    text: "#claimed_by = :by AND attribute_not_exists(#made)",
    values: { by },
  });
}

/** Stores a value unless there is one, and returns the one that is stored. */
async function keep({ table, key, by }: Call, made: string): Promise<string> {
  const written = await table.update({
    key,
    set: { made, claimed_by: by },
    condition: "attribute_not_exists(#made)",
  });
  return written.item === undefined ? made : textOf(written.item, "made");
}

function onceKey(key: string): Key {
  return { pk: `once#${nameKey(key)}`, sk: "once" };
}
