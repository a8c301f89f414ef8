import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeAhead } from "../../src/stores/sqlite/wal.ts";

describe("a data file is made to write ahead", () => {
  let folder = "";
  let open: () => DatabaseSync;
  const opened: DatabaseSync[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    open = () => {
      const database = new DatabaseSync(join(folder, "sluice.db"));
      opened.push(database);
      return database;
    };
  });
  afterEach(() => {
    for (const database of opened.splice(0)) database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const mode = (database: DatabaseSync) => database.prepare("PRAGMA journal_mode").get();

  it("while another process is about to write it for the first time", () => {
    const other = open();
    other.exec("CREATE TABLE first (id)");
    other.exec("BEGIN IMMEDIATE");
    const database = open();
    let pauses = 0;
    writeAhead(database, () => {
      pauses += 1;
      if (pauses === 3) other.exec("ROLLBACK");
    });
    expect(pauses).toBe(3);
    expect(mode(database)).toEqual({ journal_mode: "wal" });
  });

  it("unless that process never ends", () => {
    const other = open();
    other.exec("BEGIN EXCLUSIVE");
    const database = open();
    let pauses = 0;
    const wait = () => {
      pauses += 1;
    };
    expect(() => writeAhead(database, wait)).toThrow("database is locked");
    expect(pauses).toBeGreaterThan(100);
  });

  it("unless SQLite has another fault to find, which is told at once", () => {
    const database = new DatabaseSync(":memory:");
    database.close();
    const never = () => expect.unreachable("waits");
    expect(() => writeAhead(database, never)).toThrow("database is not open");
  });
});
