import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { sqliteStore } from "../../src/stores/sqlite/runs.ts";
import { sqliteTokens } from "../../src/stores/sqlite/tokens.ts";
import { newRun, START } from "../contracts/store-samples.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("openSqlite", () => {
  it("makes a file and its folder for their owner alone", async () => {
    const path = join(folder, "data", "sluice.db");
    const db = openSqlite(path);
    await sqliteStore(db).create(newRun());

    expect(modeOf(join(folder, "data"))).toBe(0o700);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(modeOf(file)).toBe(0o600);
    db.close();
  });

  it("finds again what was stored before", async () => {
    const path = join(folder, "sluice.db");
    const first = openSqlite(path);
    const { run } = await sqliteStore(first).create(newRun());
    first.close();

    const second = openSqlite(path);

    expect(await sqliteStore(second).get(run.id)).toStrictEqual(run);
    second.close();
  });

  it("opens a database in memory that leaves nothing behind", async () => {
    const db = openSqlite(":memory:");
    const { run } = await sqliteStore(db).create(newRun());

    expect(await sqliteStore(db).get(run.id)).toStrictEqual(run);
    db.close();
    expect(statSync(":memory:", { throwIfNoEntry: false })).toBeUndefined();
  });

  it("writes each transaction to the disk before it returns", () => {
    const db = openSqlite(join(folder, "sluice.db"));

    expect(db.rows("PRAGMA journal_mode")).toMatchObject([{ journal_mode: "wal" }]);
    expect(db.rows("PRAGMA synchronous")).toMatchObject([{ synchronous: 2 }]);
    db.close();
  });

  it("refuses a file of a newer version, and leaves it as it is", () => {
    const path = join(folder, "sluice.db");
    openSqlite(path).close();
    setVersion(path, 99);

    expect(() => openSqlite(path)).toThrow(
      `${path} has version 99, and this Sluice knows versions up to`,
    );
    expect(versionOf(path)).toBe(99);
  });

  it("refuses a database of another program, and leaves it as it is", () => {
    const path = join(folder, "other.db");
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE songs (title TEXT)");
    other.close();

    expect(() => openSqlite(path)).toThrow(`${path} is a database of another program`);
    expect(tablesOf(path)).toStrictEqual(["songs"]);
  });

  it("names a file that is no database at all", () => {
    const path = join(folder, "notes.txt");
    writeFileSync(path, "buy milk\n".repeat(200));

    expect(() => openSqlite(path)).toThrow(`${path} cannot be opened as a data file of Sluice`);
  });

  it("names a path that is a folder", () => {
    const path = join(folder, "sluice.db");
    mkdirSync(path);

    expect(() => openSqlite(path)).toThrow(path);
  });

  it("closes twice without complaint", () => {
    const db = openSqlite(join(folder, "sluice.db"));

    db.close();
    db.close();
  });
});

describe("a transaction", () => {
  it("leaves nothing of what it did when it throws, and the next one works", () => {
    const db = openSqlite(":memory:");
    const add = (name: string) =>
      db.run("INSERT INTO tokens VALUES ($name, 'read', $name, 'now')", { name });

    expect(() =>
      db.transaction(() => {
        add("lost");
        throw new Error("no");
      }),
    ).toThrow("no");
    db.transaction(() => add("kept"));

    expect(db.rows("SELECT name FROM tokens")).toMatchObject([{ name: "kept" }]);
    db.close();
  });

  it("tells about a commit that fails, also of a statement that returns rows", () => {
    const db = openSqlite(":memory:");
    db.run("PRAGMA foreign_keys = ON");
    db.run("CREATE TABLE a (id INTEGER PRIMARY KEY)");
    db.run("CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)");

    expect(() => db.rows("INSERT INTO b VALUES (1) RETURNING a")).toThrow("FOREIGN KEY");
    expect(() => db.transaction(() => db.run("INSERT INTO b VALUES (1)"))).toThrow("FOREIGN KEY");
    expect(db.rows("SELECT * FROM b")).toStrictEqual([]);
    db.close();
  });
});

describe("sqlite store", () => {
  it("fills its pages, and the last one says that nothing follows", async () => {
    const db = openSqlite(":memory:");
    const store = sqliteStore(db);
    for (let index = 0; index < 501; index++)
      await store.create(newRun({ name: `number ${index}.` }));

    const first = await store.list({ limit: 1_000 });
    expect(first.items).toHaveLength(500);
    const { next = "" } = first;
    expect(await store.list({ cursor: next })).toStrictEqual({ items: [expect.anything()] });
    expect((await store.list({ limit: 500 })).next).toBe(next);
    expect((await store.list({ search: "number 7.", limit: 1 })).next).toBeUndefined();
    db.close();
  });
});

describe("sqlite tokens", () => {
  it("refuses the hash of another token instead of removing that one", async () => {
    const db = openSqlite(":memory:");
    const tokens = sqliteTokens(db);
    const boss = { name: "boss", scope: "admin", hash: "same", createdAt: START } as const;
    await tokens.add(boss);

    await expect(tokens.add({ ...boss, name: "ci", scope: "read" })).rejects.toThrow("UNIQUE");

    expect(await tokens.find("same")).toStrictEqual(boss);
    db.close();
  });
});

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

function setVersion(path: string, version: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
}

function versionOf(path: string): unknown {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare("PRAGMA user_version").get();
  database.close();
  return row?.["user_version"];
}

function tablesOf(path: string): unknown[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("SELECT name FROM sqlite_schema").all();
  database.close();
  return rows.map((row) => row["name"]);
}
