import { type Change, firstHead, nextHead, refuseLargeBody } from "../../head.ts";
import type { Run } from "../../run.ts";
import { type NewRun, type RunBody, type RunStore } from "../../store.ts";
import type { Timestamp } from "../../time.ts";
import { endBody } from "./body-end.ts";
import { due } from "./due.ts";
import { headColumns, recentColumns, runOf } from "./head.ts";
import { type Item, textOf } from "./item.ts";
import { bodyHash, bodyKey, headKey, hourOf, recentShard } from "./keys.ts";
import { list } from "./list.ts";
import type { Key, Table } from "./table.ts";

/** What the store needs from outside, and its settings. */
export interface StoreOptions {
  /** A new identifier nobody else has. */
  newId(): string;
  /**
   * How long a run is kept after its end, in days; whoever deletes it may be some days late. It must be
   * longer than the queue keeps messages (SQS: at most 14 days), or a message that comes again would
   * find its run forgotten. Default: for ever.
   */
  readonly keepDays?: number;
}

/**
 * Runs in a table.
 *
 * A run takes two writes to make, body and head, and one more for each state; one that is kept for a time
 * costs another one after its end, which others make (`endBody`). Looking writes nothing. Every write of a
 * head carries an id of its own, so a write whose answer was lost is known when it is tried again.
 */
export function dynamoStore(table: Table, options: StoreOptions): RunStore {
  const store = { table, options, hours: new Set<string>() };
  return {
    create: (run) => create(store, run),
    get: (id) => get(table, id),
    body: (id) => body(table, id),
    transition: (run, next, move) => transition(store, { run, next, ...move }),
    due: (now, place, range) => due(table, { now, place, ...range }),
    list: (query) => list(table, query),
  };
}

interface Store {
  readonly table: Table;
  readonly options: StoreOptions;
  /** Hours this process has marked. */
  readonly hours: Set<string>;
}

type Created = Awaited<ReturnType<RunStore["create"]>>;

/**
 * The body is written under the hash of its content. So whoever writes the head links it to what it has
 * written itself, and a delivery that comes again after a crash finds the body it left.
 */
async function create(store: Store, { body, ...given }: NewRun): Promise<Created> {
  const { table, options } = store;
  const text = JSON.stringify(body);
  refuseLargeBody(given.id, text);
  const run = firstHead(given);
  const { set } = headColumns(run, options.keepDays);
  const hash = bodyHash(text);
  const [revived] = await Promise.all([
    keepBody(table, { ...bodyKey(run.id, hash), body: text }),
    markHour(store, run.createdAt),
  ]);
  const write = options.newId();
  const recent = recentColumns(run, recentShard(run.createdAt, run.id));
  const item = { ...headKey(run.id), ...set, ...recent, body: hash, write };
  const written = await table.insert(item);
  if (written.done || written.item?.["write"] === write) return { run, created: true };
  return { run: await settle(table, { id: run.id, hash, revived }, written.item), created: false };
}

/**
 * Writes a body unless it is there. One that expires is what is left of an earlier run with this id, whose
 * head is gone already, or that of a run that has ended: it is written anew, to be there as long as the run
 * is that is made now. Returns whether it was.
 */
async function keepBody(table: Table, item: Item & Key): Promise<boolean> {
  const { done, item: found } = await table.insert(item);
  if (done || found?.["expires_at"] === undefined) return false;
  await table.put(item);
  return true;
}

interface WrittenBody {
  readonly id: string;
  readonly hash: string;
  /** The body would have expired. */
  readonly revived: boolean;
}

/** The head that won. A body it does not link to belongs to nobody any more; its own expires with it. */
async function settle(
  table: Table,
  { id, hash, revived }: WrittenBody,
  winner: Item | undefined,
): Promise<Run> {
  if (winner === undefined) {
    throw new Error(`run ${id} is known, but its head was not given: try again`);
  }
  if (winner["body"] !== hash) await table.remove(bodyKey(id, hash));
  else if (revived) await endBody(table, winner);
  return runOf(winner);
}

/** Marks that there are runs of an hour, once an hour and process, so that lists know where to look. */
async function markHour({ table, hours }: Store, createdAt: Timestamp): Promise<void> {
  const hour = hourOf(createdAt);
  if (hours.has(hour)) return;
  await table.put({ pk: "hours", sk: hour });
  hours.add(hour);
}

async function get(table: Table, id: string): Promise<Run | undefined> {
  const item = await table.get(headKey(id));
  return item === undefined ? undefined : runOf(item);
}

async function body(table: Table, id: string): Promise<RunBody | undefined> {
  const head = await table.get(headKey(id));
  if (head === undefined) return undefined;
  const item = await table.get(bodyKey(id, textOf(head, "body")));
  return item === undefined ? undefined : (JSON.parse(textOf(item, "body")) as RunBody);
}

async function transition(store: Store, change: Change) {
  const { table, options } = store;
  const { run } = change;
  const moved = nextHead(change);
  const { set, remove } = headColumns(moved, options.keepDays);
  const write = options.newId();
  const written = await table.update({
    key: headKey(run.id),
    set: { ...set, write },
    remove,
    condition: "#revision = :read",
    values: { read: run.revision },
  });
  if (!written.done && written.item?.["write"] !== write) return undefined;
  return moved;
}
