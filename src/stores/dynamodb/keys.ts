import { createHash } from "node:crypto";
import type { Place } from "../../run.ts";
import type { Timestamp } from "../../time.ts";
import { DUE_SHARDS, RECENT_SHARDS } from "./schema.ts";
import type { Key } from "./table.ts";

/** Sort keys hold at most 1,024 bytes, and some of them begin with a word of ours. */
const LONGEST_NAME_BYTES = 960;

/** Where the head of a run is. */
export function headKey(id: string): Key {
  return { pk: `run#${id}`, sk: "head" };
}

/** Where the body with this hash is. */
export function bodyKey(id: string, hash: string): Key {
  return { pk: `run#${id}`, sk: `body#${hash}` };
}

/** The run whose item this is. */
export function runIdOf({ pk }: Pick<Key, "pk">): string {
  return pk.slice("run#".length);
}

/** The partition of `due` a run is in. */
export function dueShard(place: Place, id: string): string {
  return `${place}#${shardOf(id, DUE_SHARDS)}`;
}

/** Every partition of `due` for a place. */
export function dueShards(place: Place): string[] {
  return Array.from({ length: DUE_SHARDS }, (_, shard) => `${place}#${shard}`);
}

/** The hour of a moment, as the table names it: `2026-11-21T12`. */
export function hourOf(moment: Timestamp): string {
  return moment.slice(0, "2026-11-21T12".length);
}

/** The partition of `recent` a run is in. */
export function recentShard(createdAt: Timestamp, id: string): string {
  return `${hourOf(createdAt)}#${shardOf(id, RECENT_SHARDS)}`;
}

/** Every partition of `recent` for an hour. */
export function recentShards(hour: string): string[] {
  return Array.from({ length: RECENT_SHARDS }, (_, shard) => `${hour}#${shard}`);
}

/** Orders runs by the moment they were made, and those of one millisecond by id. */
export function recentAt(createdAt: Timestamp, id: string): string {
  return `${createdAt}#${id}`;
}

/** When the run was made that has this place in the order. */
export function createdAtOf(recent: string): Timestamp {
  return recent.slice(0, recent.indexOf("#"));
}

/** What names the content of a body: equal bodies of one run are one item. */
export function bodyHash(body: string): string {
  return createHash("sha256").update(body).digest("base64url").slice(0, 16);
}

/**
 * A name as part of a key, in the order of names. Of one that is too long only the beginning is kept, and
 * a hash that tells it from others.
 */
export function nameKey(name: string): string {
  const bytes = Buffer.from(name);
  if (bytes.byteLength <= LONGEST_NAME_BYTES) return name;
  const hash = createHash("sha256").update(name).digest("hex");
  return `${bytes.subarray(0, LONGEST_NAME_BYTES - 2 * hash.length).toString()}#${hash}`;
}

function shardOf(id: string, shards: number): number {
  return createHash("sha256").update(id).digest().readUInt32BE() % shards;
}
