import { closeSync, existsSync, mkdirSync, openSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { messageOf, PermanentError } from "../../errors.ts";
import { migrate } from "./schema.ts";
import { writeAhead } from "./wal.ts";

/** Values of a statement by the names it gives them, `$name` in its text. */
export type SqlValues = Readonly<Record<string, string | number | null>>;

/** An open data file. Every call is synchronous, so nothing of this process comes between two. */
export interface Sqlite {
  /** All rows of a statement. No statement stays open, so rows may change before the next call. */
  rows(sql: string, values?: SqlValues): readonly object[];
  /** Executes a statement and says how many rows it changed. */
  run(sql: string, values?: SqlValues): number;
  /**
   * Does all of `work`, which must not wait for anything, or nothing of it. No other process writes
   * meanwhile. What it wrote is on the disk when this returns.
   */
  transaction<T>(work: () => T): T;
  /** Closes the file; closing twice does nothing. */
  close(): void;
}

/** How long a call waits for another process that writes, before it throws. */
const BUSY_MS = 10_000;

/**
 * Opens the file in which runs, flows, tokens and messages are kept, and makes or upgrades it if need
 * be. `:memory:` is a database of its own that ends with the process.
 *
 * A new folder is for its owner alone (0700), and so is a new file (0600). Several processes of one
 * machine may have the file open; it must lie on a local disk, for the processes share memory through a
 * file beside it. Throws `PermanentError` ("invalid") if the folder is a file, or lies in no folder, and
 * ("unsupported") for a file of a newer version or of another program.
 */
export function openSqlite(path: string): Sqlite {
  if (path !== ":memory:") makeFile(path);
  const database = new DatabaseSync(path);
  try {
    prepareFile(database, path);
  } catch (error) {
    database.close();
    throw error;
  }
  return handleOf(database);
}

/** SQLite gives the files it adds beside this one the mode of this one. */
function makeFile(path: string): void {
  makeFolder(dirname(path));
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw new Error(`the data file ${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Only the folder itself is made: a parent that is missing is more likely a slip than a wish. */
function makeFolder(folder: string): void {
  const found = statOf(folder);
  if (found?.isDirectory()) return;
  if (found !== undefined) {
    throw new PermanentError("invalid", `the data folder ${folder} is a file: name a folder`);
  }
  const parent = dirname(folder);
  if (!existsSync(parent)) {
    throw new PermanentError(
      "invalid",
      `the data folder ${folder} cannot be made, for there is no ${parent}: make that first`,
    );
  }
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it just now.
    if (existsSync(folder)) return;
    throw new Error(`the data folder ${folder} cannot be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function statOf(folder: string): Stats | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false });
  } catch (error) {
    throw new Error(`the data folder ${folder} cannot be reached: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function prepareFile(database: DatabaseSync, path: string): void {
  try {
    writeAhead(database);
  } catch (error) {
    throw new Error(`${path} cannot be opened as a data file of Sluice: ${messageOf(error)}`, {
      cause: error,
    });
  }
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  // With less than FULL, a transaction that was acknowledged can be lost with the power.
  database.exec("PRAGMA synchronous = FULL");
  // A plain fsync of macOS leaves data in the drive's cache; other systems ignore this.
  database.exec("PRAGMA fullfsync = ON");
  migrate(database, path);
}

function handleOf(database: DatabaseSync): Sqlite {
  const statements = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const made = database.prepare(sql);
    statements.set(sql, made);
    return made;
  };
  return {
    // `all` and not `get`: a statement that writes and returns rows is committed only when it has been
    // read to its end, and `get` hides the error if that fails.
    rows: (sql, values = {}) => statement(sql).all(values),
    run: (sql, values = {}) => Number(statement(sql).run(values).changes),
    transaction: (work) => inTransaction(database, work),
    close() {
      if (database.isOpen) database.close();
    },
  };
}

/**
 * IMMEDIATE takes the right to write at the start and waits for it; a transaction that reads first and
 * writes later fails at once when another process has written in between.
 */
function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // Some failures, such as a full disk, have rolled back already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
