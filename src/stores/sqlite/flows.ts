import type { Flow } from "../../flow.ts";
import { canonicalJson } from "../../json.ts";
import type { FlowRegistry, RegisteredFlow } from "../../registry.ts";
import type { Page } from "../../store.ts";
import type { Timestamp } from "../../time.ts";
import type { OnceOptions } from "../once.ts";
import { pageLimit } from "../page.ts";
import type { Sqlite } from "./database.ts";
import { sqliteOnce } from "./once.ts";
import { pageOf, readCursor } from "./page.ts";

/** Flows, and whatever else exists once, in a data file. */
export function sqliteRegistry(db: Sqlite, options: OnceOptions): FlowRegistry {
  return {
    register: async (flow, now) => register(db, flow, now),
    flow: async (name, version) => find(db, name, version),
    flows: async (query) => list(db, query),
    once: sqliteOnce(db, options),
  };
}

interface FlowRow {
  readonly name: string;
  readonly version: number;
  readonly content: string;
  readonly registered_at: string;
}

/** The content is stored in canonical form, so equal flows have equal text. */
function register(db: Sqlite, flow: Flow, now: Timestamp): RegisteredFlow {
  const { name } = flow;
  const content = canonicalJson(flow);
  return db.transaction(() => {
    const newest = find(db, name);
    if (newest !== undefined && canonicalJson(newest.flow) === content) return newest;
    const row = { name, version: (newest?.version ?? 0) + 1, content, registered_at: now };
    db.run("INSERT INTO flows VALUES ($name, $version, $content, $registered_at)", row);
    return flowOf(row);
  });
}

function find(db: Sqlite, name: string, version?: number): RegisteredFlow | undefined {
  const rows = db.rows(
    `SELECT * FROM flows WHERE name = $name AND ($version IS NULL OR version = $version)
     ORDER BY version DESC LIMIT 1`,
    { name, version: version ?? null },
  ) as readonly FlowRow[];
  return rows.map(flowOf)[0];
}

function list(
  db: Sqlite,
  query: { readonly limit?: number; readonly cursor?: string },
): Page<RegisteredFlow> {
  const limit = pageLimit(query.limit);
  const [after = ""] = query.cursor === undefined ? [] : readCursor(query.cursor, 1);
  const rows = db.rows(
    `SELECT * FROM flows AS newest
     WHERE name > $after AND version = (SELECT max(version) FROM flows WHERE name = newest.name)
     ORDER BY name LIMIT $limit`,
    { after, limit: limit + 1 },
  ) as readonly FlowRow[];
  return pageOf(rows.map(flowOf), limit, ({ name }) => [name]);
}

function flowOf({ name, version, content, registered_at }: FlowRow): RegisteredFlow {
  return { name, version, flow: JSON.parse(content) as Flow, registeredAt: registered_at };
}
