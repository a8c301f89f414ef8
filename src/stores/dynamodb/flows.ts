import type { Flow } from "../../flow.ts";
import { canonicalJson } from "../../json.ts";
import type { FlowRegistry, RegisteredFlow } from "../../registry.ts";
import type { Page } from "../../store.ts";
import type { Timestamp } from "../../time.ts";
import { pageLimit } from "../page.ts";
import { readPosition, writePosition } from "./cursor.ts";
import { flowCache } from "./flow-cache.ts";
import { type Item, textOf } from "./item.ts";
import { nameKey } from "./keys.ts";
import { type DynamoOnceOptions, dynamoOnce } from "./once.ts";
import type { Key, Table } from "./table.ts";

/**
 * Flows, and whatever else exists once, in a table. What is registered through another process is the newest
 * version of its flow here `FRESH_MS` later at the latest.
 */
export function dynamoRegistry(table: Table, options: DynamoOnceOptions): FlowRegistry {
  const cache = flowCache(() => options.now());
  return {
    async register(flow, now) {
      const began = options.now();
      const registered = await register(table, flow, now);
      cache.keep(registered, began);
      return registered;
    },
    async flow(name, version) {
      const known = version === undefined ? cache.newest(name) : cache.version(name, version);
      if (known !== undefined) return known;
      const began = options.now();
      const found = await find(table, name, version);
      if (found !== undefined) cache.keep(found, version === undefined ? began : undefined);
      return found;
    },
    flows: (query) => list(table, query),
    once: dynamoOnce(table, options),
  };
}

/**
 * Whoever puts the next version first has made it; the others look again. The content is stored in
 * canonical form, so equal flows have equal text, and a write that was answered late is found as its own.
 */
async function register(table: Table, flow: Flow, now: Timestamp): Promise<RegisteredFlow> {
  const { name } = flow;
  const content = canonicalJson(flow);
  for (;;) {
    const newest = await find(table, name);
    if (newest !== undefined && canonicalJson(newest.flow) === content) return newest;
    const version = (newest?.version ?? 0) + 1;
    // First, so that no flow is missing from the list; a name without a version is left out of it.
    if (version === 1) await table.put({ pk: "flows", sk: flowKey(name), name });
    const item = { ...versionKey(name, version), name, version, content, registered_at: now };
    if ((await table.insert(item)).done) return flowOf(item);
  }
}

async function find(
  table: Table,
  name: string,
  version?: number,
): Promise<RegisteredFlow | undefined> {
  if (version !== undefined) {
    const item = await table.get(versionKey(name, version));
    return item === undefined ? undefined : flowOf(item);
  }
  const versions = table.query({
    where: "#pk = :pk",
    values: { pk: flowKey(name) },
    descending: true,
    pageSize: 1,
  });
  for await (const item of versions) return flowOf(item);
  return undefined;
}

async function list(
  table: Table,
  query: { readonly limit?: number; readonly cursor?: string },
): Promise<Page<RegisteredFlow>> {
  const limit = pageLimit(query.limit);
  const after = query.cursor === undefined ? "flow#" : readPosition(query.cursor, /^flow#/);
  const names: Item[] = [];
  const rows = table.query({
    where: "#pk = :pk AND #sk > :after",
    values: { pk: "flows", after },
    pageSize: limit + 1,
  });
  for await (const row of rows) {
    names.push(row);
    if (names.length > limit) break;
  }
  const shown = names.slice(0, limit);
  const found = await Promise.all(shown.map((row) => find(table, textOf(row, "name"))));
  const items = found.filter((flow) => flow !== undefined);
  const last = shown.at(-1);
  if (names.length <= limit || last === undefined) return { items };
  return { items, next: writePosition(textOf(last, "sk")) };
}

/** The partition of its versions, and its place in the list of all flows. */
function flowKey(name: string): string {
  return `flow#${nameKey(name)}`;
}

/** Ten digits, so that versions sort as numbers do. */
function versionKey(name: string, version: number): Key {
  return { pk: flowKey(name), sk: `version#${String(version).padStart(10, "0")}` };
}

function flowOf(item: Item): RegisteredFlow {
  return {
    name: textOf(item, "name"),
    version: Number(item["version"]),
    flow: JSON.parse(textOf(item, "content")) as Flow,
    registeredAt: textOf(item, "registered_at"),
  };
}
