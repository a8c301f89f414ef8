import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite, type Sqlite } from "../../src/stores/sqlite/database.ts";

/** A data file that lives as long as a test. */
export interface TestFile {
  readonly path: string;
  readonly db: Sqlite;
  /** Opens the file once more, as another process would; always the same second handle. */
  readonly reopen: () => Sqlite;
  /** Closes and removes it. */
  readonly close: () => void;
}

/** Makes a data file in a folder of its own. */
export function openFile(): TestFile {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const path = join(folder, "data", "sluice.db");
  const db = openSqlite(path);
  let second: Sqlite | undefined;
  return {
    path,
    db,
    reopen() {
      second ??= openSqlite(path);
      return second;
    },
    close() {
      second?.close();
      db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
