import { dueAt } from "../../due.ts";
import { type Change, firstHead, nextHead, refuseLargeBody } from "../../head.ts";
import { agentOf, type Place, type Run } from "../../run.ts";
import { type NewRun, type Page, type RunBody, type RunQuery, type RunStore } from "../../store.ts";
import type { Timestamp } from "../../time.ts";
import { pageLimit } from "../page.ts";
import type { Sqlite, SqlValues } from "./database.ts";
import { pageOf, readCursor } from "./page.ts";

/** How many due runs are read at a time. */
const DUE_PAGE = 100;

/** Runs in a data file. */
export function sqliteStore(db: Sqlite): RunStore {
  return {
    create: async (run) => create(db, run),
    get: async (id) => headOf(db, id),
    body: async (id) => bodyOf(db, id),
    transition: async (run, next, move) => transition(db, { run, next, ...move }),
    due: (now, place, range) => due(db, { now, place, ...range }),
    list: async (query) => list(db, query),
  };
}

interface HeadRow {
  readonly head: string;
}

type Created = Awaited<ReturnType<RunStore["create"]>>;

/** Body and head are one transaction, so no head is ever without its body. */
function create(db: Sqlite, { body, ...run }: NewRun): Created {
  const bodyText = JSON.stringify(body);
  refuseLargeBody(run.id, bodyText);
  return db.transaction(() => {
    const known = headOf(db, run.id);
    if (known !== undefined) return { run: known, created: false };
    const head = firstHead(run);
    db.run("INSERT INTO run_bodies (id, body) VALUES ($id, $body)", { id: run.id, body: bodyText });
    db.run(INSERT_HEAD, { ...columnsOf(head), created_at: head.createdAt });
    return { run: head, created: true };
  });
}

const INSERT_HEAD = `
  INSERT INTO run_heads (id, created_at, revision, place, due_at, name, flow, type, agent, head)
  VALUES ($id, $created_at, $revision, $place, $due_at, $name, $flow, $type, $agent, $head)`;

function transition(db: Sqlite, { run, ...change }: Change): Run | undefined {
  return db.transaction(() => {
    const stored = headOf(db, run.id);
    if (stored?.revision !== run.revision) return undefined;
    const head = nextHead({ run: stored, ...change });
    db.run(UPDATE_HEAD, columnsOf(head));
    return head;
  });
}

const UPDATE_HEAD = `
  UPDATE run_heads
  SET revision = $revision, place = $place, due_at = $due_at, name = $name, flow = $flow,
      type = $type, agent = $agent, head = $head
  WHERE id = $id`;

function columnsOf(run: Run): SqlValues {
  return {
    id: run.id,
    revision: run.revision,
    place: run.place,
    due_at: dueAt(run.state, run.since) ?? null,
    name: run.name,
    flow: run.flow.name,
    type: run.state.type,
    agent: agentOf(run.state) ?? null,
    head: JSON.stringify(run),
  };
}

interface DueRange {
  readonly now: Timestamp;
  readonly place: Place;
  /** Leaves out what became due before. Default: nothing. */
  readonly from?: Timestamp;
}

/**
 * Reads page by page and continues after the last key, so runs may change while the caller works. A run
 * that becomes due again meanwhile is left to the next call; otherwise a caller could go on for ever.
 */
async function* due(db: Sqlite, { now, place, from = "" }: DueRange): AsyncIterable<Run> {
  const seen = new Set<string>();
  let after = { due_at: from, id: "" };
  for (;;) {
    const rows = db.rows(SELECT_DUE, { ...after, now, place }) as readonly (HeadRow &
      typeof after)[];
    for (const { head, id } of rows) {
      if (seen.has(id)) continue;
      seen.add(id);
      yield JSON.parse(head) as Run;
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < DUE_PAGE) return;
    after = { due_at: last.due_at, id: last.id };
  }
}

const SELECT_DUE = `
  SELECT due_at, id, head FROM run_heads
  WHERE place = $place AND due_at <= $now AND (due_at, id) > ($due_at, $id)
  ORDER BY due_at, id
  LIMIT ${DUE_PAGE}`;

function list(db: Sqlite, query: RunQuery): Page<Run> {
  const limit = pageLimit(query.limit);
  const [createdAt = query.before ?? AFTER_ALL, id = ""] =
    query.cursor === undefined ? [] : readCursor(query.cursor, 2);
  const rows = db.rows(SELECT_LIST, {
    flow: query.flow ?? null,
    state: query.state ?? null,
    agent: query.agent ?? null,
    label: query.label ?? null,
    search: query.search ?? null,
    created_at: createdAt,
    id,
    limit: limit + 1,
  }) as readonly HeadRow[];
  const runs = rows.map(({ head }) => JSON.parse(head) as Run);
  return pageOf(runs, limit, (run) => [run.createdAt, run.id]);
}

/** Sorts behind every timestamp. */
const AFTER_ALL = "~";

/** `instr` and not LIKE: it compares exactly and knows no wildcards. */
const SELECT_LIST = `
  SELECT head FROM run_heads
  WHERE (created_at, id) < ($created_at, $id)
    AND ($flow IS NULL OR flow = $flow)
    AND ($state IS NULL OR type = $state)
    AND ($agent IS NULL OR agent = $agent)
    AND ($search IS NULL OR instr(name, $search) = 1 OR instr(id, $search) = 1)
    AND ($label IS NULL
         OR EXISTS (SELECT 1 FROM json_each(head, '$.labels') WHERE value = $label))
  ORDER BY created_at DESC, id DESC
  LIMIT $limit`;

function headOf(db: Sqlite, id: string): Run | undefined {
  return runOf(
    (db.rows("SELECT head FROM run_heads WHERE id = $id", { id }) as readonly HeadRow[])[0],
  );
}

function runOf(row: HeadRow | undefined): Run | undefined {
  return row === undefined ? undefined : (JSON.parse(row.head) as Run);
}

function bodyOf(db: Sqlite, id: string): RunBody | undefined {
  const row = (
    db.rows("SELECT body FROM run_bodies WHERE id = $id", { id }) as readonly { body: string }[]
  )[0];
  return row === undefined ? undefined : (JSON.parse(row.body) as RunBody);
}
