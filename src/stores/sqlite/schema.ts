import type { DatabaseSync } from "node:sqlite";
import { PermanentError } from "../../errors.ts";

/** "Slce": marks a file as one of Sluice. */
const APPLICATION_ID = 0x536c6365;

/**
 * Each entry takes a file from the version that is its index to the next one. Entries are only ever
 * added at the end: files that have passed one exist.
 *
 * The head of a run is stored whole, as JSON; the columns beside it are copies to search by.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE run_bodies (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE run_heads (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    revision INTEGER NOT NULL,
    place TEXT NOT NULL,
    due_at TEXT,
    name TEXT NOT NULL,
    flow TEXT NOT NULL,
    type TEXT NOT NULL,
    agent TEXT,
    head TEXT NOT NULL
  ) STRICT;
  CREATE INDEX run_heads_due ON run_heads (place, due_at, id) WHERE due_at IS NOT NULL;
  CREATE INDEX run_heads_recent ON run_heads (created_at, id);

  CREATE TABLE flows (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    registered_at TEXT NOT NULL,
    PRIMARY KEY (name, version)
  ) STRICT;
  CREATE TABLE made_once (
    key TEXT PRIMARY KEY,
    value TEXT,
    claimed_by TEXT NOT NULL,
    claimed_until TEXT NOT NULL
  ) STRICT;

  CREATE TABLE tokens (
    name TEXT PRIMARY KEY,
    scope TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    visible_at TEXT NOT NULL,
    receives INTEGER NOT NULL,
    receipt TEXT UNIQUE
  ) STRICT;
  CREATE INDEX messages_visible ON messages (visible_at, number);
  `,
  `
  CREATE TABLE agent_hosts (
    agent TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    machine TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at TEXT NOT NULL,
    last_seen TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE dispatchers (
    id TEXT PRIMARY KEY,
    last_seen TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE agent_hosts ADD COLUMN before_id TEXT;
  ALTER TABLE agent_hosts ADD COLUMN before_machine TEXT;
  ALTER TABLE agent_hosts ADD COLUMN before_last_seen TEXT;
  `,
];

/** Brings a file to the newest version; several processes may do so at the same time. */
export function migrate(database: DatabaseSync, path: string): void {
  if (versionOf(database, path) === MIGRATIONS.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = versionOf(database, path);
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function versionOf(database: DatabaseSync, path: string): number {
  const version = numberOf(database, "PRAGMA user_version");
  const application = numberOf(database, "PRAGMA application_id");
  const tables = numberOf(database, "SELECT count(*) FROM sqlite_schema");
  if (application !== APPLICATION_ID && (tables > 0 || version > 0)) {
    throw new PermanentError(
      "unsupported",
      `${path} is a database of another program: expected a file of Sluice or none; name another file`,
    );
  }
  if (version > MIGRATIONS.length) {
    throw new PermanentError(
      "unsupported",
      `${path} has version ${version}, and this Sluice knows versions up to ${MIGRATIONS.length}: use the newer Sluice that wrote it`,
    );
  }
  return version;
}

function numberOf(database: DatabaseSync, sql: string): number {
  const row = database.prepare(sql).get() ?? {};
  return Number(Object.values(row)[0]);
}
