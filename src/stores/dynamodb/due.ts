import type { Place, Run } from "../../run.ts";
import type { Timestamp } from "../../time.ts";
import { runOf } from "./head.ts";
import { type Item, textOf } from "./item.ts";
import { dueShards } from "./keys.ts";
import { merge } from "./merge.ts";
import type { Table } from "./table.ts";

/** How many due runs of a shard are read at a time. */
const PAGE = 100;

/** Sorts before every moment. */
const BEGINNING = "0";

/** Which due runs are read. */
export interface DueRange {
  readonly now: Timestamp;
  readonly place: Place;
  /** Leaves out what became due before. Default: nothing. */
  readonly from?: Timestamp;
}

/**
 * The due runs of a place, its shards merged. Each shard is read on from the last key, so runs may change
 * while the caller works. A run that becomes due again meanwhile is left to the next call; otherwise a
 * caller could go on for ever.
 */
export async function* due(
  table: Table,
  { now, place, from = BEGINNING }: DueRange,
  pageSize = PAGE,
): AsyncIterable<Run> {
  // DynamoDB refuses a range that ends before it begins.
  if (from > now) return;
  const shards = dueShards(place).map((shard) =>
    table.query({
      index: "due",
      where: "#due_shard = :shard AND #due_at BETWEEN :from AND :now",
      values: { shard, from, now },
      pageSize,
    }),
  );
  const seen = new Set<string>();
  for await (const item of merge(shards, byDueAt)) {
    const run = runOf(item);
    if (seen.has(run.id)) continue;
    seen.add(run.id);
    yield run;
  }
}

function byDueAt(a: Item, b: Item): number {
  return textOf(a, "due_at") < textOf(b, "due_at") ? -1 : 1;
}
