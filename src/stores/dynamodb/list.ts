import { agentOf, type Run } from "../../run.ts";
import type { Page, RunQuery } from "../../store.ts";
import { pageLimit } from "../page.ts";
import { readPosition, writePosition } from "./cursor.ts";
import { runOf } from "./head.ts";
import { type Item, textOf } from "./item.ts";
import { createdAtOf, hourOf, recentShards } from "./keys.ts";
import { merge } from "./merge.ts";
import { RECENT_SHARDS } from "./schema.ts";
import type { Table } from "./table.ts";

/** How far one request looks. */
export interface ListBounds {
  /** At no more runs than these. */
  readonly rows: number;
  /** Into no more hours than these, for an hour costs a query a shard. */
  readonly hours: number;
}

const BOUNDS: ListBounds = { rows: 5_000, hours: 100 };
/** How many runs of a shard are read at a time where many will be passed over. */
const FILTERED_PAGE = 250;
/** Sorts behind every moment. */
const END = "~";
/** Where a list may go on: behind a run, or before an hour. */
const POSITION = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#/;

/**
 * Runs, newest first, as the index `recent` knows them: hour by hour, the shards of each hour merged.
 * Filters are applied to what is read. A page ends early, and says how far back it has looked, when it has
 * looked at 5,000 runs or into 100 hours; the next one goes on from there.
 */
export async function list(table: Table, query: RunQuery, bounds = BOUNDS): Promise<Page<Run>> {
  const limit = pageLimit(query.limit);
  const from =
    query.cursor === undefined ? (query.before ?? END) : readPosition(query.cursor, POSITION);
  const items: Run[] = [];
  let position = from;
  let rows = 0;
  let hours = 0;
  for await (const step of steps(table, from, pageSizeOf(query, limit))) {
    // Where an hour begins, all that is newer has been looked at.
    const behind = step.run === undefined ? step.position : position;
    if (items.length === limit) return { items, next: writePosition(behind) };
    const tired = step.run === undefined ? hours === bounds.hours : rows === bounds.rows;
    if (tired) return { items, next: writePosition(behind), lookedBackTo: createdAtOf(behind) };
    position = step.position;
    if (step.run === undefined) hours += 1;
    else rows += 1;
    if (step.run !== undefined && holds(step.run, query)) items.push(step.run);
  }
  return { items };
}

/** A run, or that an hour begins. Whoever stops goes on with what lies before `position`. */
interface Step {
  readonly position: string;
  readonly run?: Run;
}

async function* steps(table: Table, from: string, pageSize: number): AsyncGenerator<Step> {
  const hours = table.query({
    where: "#pk = :pk AND #sk <= :hour",
    values: { pk: "hours", hour: from === END ? END : hourOf(from) },
    descending: true,
    pageSize: FILTERED_PAGE,
  });
  for await (const { sk } of hours) {
    const hour = String(sk);
    yield { position: `${hour}:59:59.999Z#${END}` };
    const shards = recentShards(hour).map((shard) =>
      table.query({
        index: "recent",
        where: "#recent_shard = :shard AND #recent_at < :from",
        values: { shard, from },
        descending: true,
        pageSize,
      }),
    );
    for await (const item of merge(shards, byRecentAt)) {
      yield { position: textOf(item, "recent_at"), run: runOf(item) };
    }
  }
}

function byRecentAt(a: Item, b: Item): number {
  return textOf(a, "recent_at") > textOf(b, "recent_at") ? -1 : 1;
}

/** Without filters, hardly more than a page needs: the runs of an hour lie evenly in its shards. */
function pageSizeOf({ flow, state, agent, label, search }: RunQuery, limit: number): number {
  const filtered = [flow, state, agent, label, search].some((filter) => filter !== undefined);
  return filtered ? FILTERED_PAGE : Math.ceil(limit / RECENT_SHARDS) + 5;
}

function holds(run: Run, { flow, state, agent, label, search }: RunQuery): boolean {
  return (
    (flow === undefined || run.flow.name === flow) &&
    (state === undefined || run.state.type === state) &&
    (agent === undefined || agentOf(run.state) === agent) &&
    (label === undefined || run.labels.includes(label)) &&
    (search === undefined || run.name.startsWith(search) || run.id.startsWith(search))
  );
}
