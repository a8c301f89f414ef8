import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { sqliteRegistry } from "../../src/stores/sqlite/flows.ts";
import { sqliteStore } from "../../src/stores/sqlite/runs.ts";
import { newRun, START, waiting } from "../contracts/store-samples.ts";

let folder = "";
let path = "";
const children = new Set<ChildProcess>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  path = join(folder, "sluice.db");
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
  rmSync(folder, { recursive: true, force: true });
});

describe("processes that share a data file", () => {
  it("may all be the first to open it", async () => {
    const said = await Promise.all(await together("open", 4));

    expect(said).toStrictEqual(Array.from({ length: 4 }, () => ["opened"]));
  });

  it("create each run once between them", async () => {
    const said = await Promise.all(await together("create", 2, 300));

    const created = said.flat();
    expect(created).toHaveLength(300);
    expect(new Set(created).size).toBe(300);
  });

  it("lose no transition to each other", async () => {
    const db = openSqlite(path);
    const store = sqliteStore(db);
    await store.create(newRun({ id: "counter", state: waiting(START, 0) }));

    await Promise.all(await together("count", 3, 100));

    expect(await store.get("counter")).toMatchObject({ revision: 301, state: { tries: 300 } });
    db.close();
  });

  it("receive each message once between them", async () => {
    const db = openSqlite(path);
    const queue = sqliteQueue(db, { now: () => new Date(), newId: randomUUID });
    const bodies = Array.from({ length: 300 }, (_, index) => `${index}`);
    await queue.send(bodies.map((body) => ({ body })));

    const said = await Promise.all(await together("receive", 3));

    expect(said.flat().sort()).toStrictEqual(bodies.sort());
    expect(db.rows("SELECT * FROM messages")).toStrictEqual([]);
    db.close();
  });

  it("make each thing once between them, and all get it", async () => {
    const said = await Promise.all(await together("make", 3, 20));

    const lines = said.flat();
    const made = lines.filter((line) => line.startsWith("made "));
    const got = lines.filter((line) => line.startsWith("got "));
    expect(made).toHaveLength(20);
    expect(new Set(made).size).toBe(20);
    expect(got).toHaveLength(60);
    expect(new Set(got).size).toBe(20);
  });

  it("take over what a killed one was making, once its lease is over", async () => {
    const child = start("hold");
    await child.until((line) => line === "holding");
    await child.kill();
    const db = openSqlite(path);
    const [claim] = db.rows("SELECT claimed_until AS until FROM made_once");
    const { until } = claim as { until: string };
    let time = Date.now();
    const registry = sqliteRegistry(db, {
      now: () => new Date(time),
      newId: randomUUID,
      sleep: async (ms) => {
        time += ms;
      },
      leaseMs: 60_000,
    });

    expect(await registry.once("held", async () => "made by another")).toBe("made by another");
    expect(new Date(time).toISOString() >= until).toBe(true);
    db.close();
  });
});

describe("a process that is killed while it writes", () => {
  it.each([1, 2, 20, 301])(
    "leaves all that was acknowledged, and a sound file: after %i runs",
    async (runs) => {
      const child = start("write");
      let count = 0;
      await child.until((line) => line.startsWith("created") && ++count === runs);
      const said = await child.kill();
      const db = openSqlite(path);
      const store = sqliteStore(db);
      const queue = sqliteQueue(db, { now: () => new Date(), newId: randomUUID });

      const created = said.filter((line) => line.startsWith("created ")).length;
      const moved = said.filter((line) => line.startsWith("moved ")).length;
      const sent = said.filter((line) => line.startsWith("sent ")).length;
      for (let index = 0; index < created; index++) {
        const run = await store.get(`run-${index}`);
        expect(run?.revision).toBeGreaterThanOrEqual(index < moved ? 2 : 1);
        const body = await store.body(`run-${index}`);
        expect(body).toStrictEqual({ received: "x".repeat((index * 997) % 20_000) });
      }
      const bodies = (await queue.receive(sent + 2))
        .map(({ body }) => Number(body))
        .sort((a, b) => a - b);
      expect(bodies.slice(0, sent)).toStrictEqual(Array.from({ length: sent }, (_, i) => i));

      // Beyond that, at most the one write that was under way.
      expect(bodies.length).toBeLessThanOrEqual(sent + 1);
      expect(await store.get(`run-${created + 1}`)).toBeUndefined();
      expect(db.rows("PRAGMA integrity_check")).toMatchObject([{ integrity_check: "ok" }]);
      const halves = db.rows(
        "SELECT 1 FROM run_heads FULL JOIN run_bodies USING (id) WHERE head IS NULL OR body IS NULL",
      );
      expect(halves).toStrictEqual([]);
      db.close();
    },
  );
});

/** Lets `size` processes do a job at the same time; each result is what one of them said. */
async function together(job: string, size: number, count = 0): Promise<Promise<string[]>[]> {
  const crowd = Array.from({ length: size }, () => start(job, count, false));
  await Promise.all(crowd.map((child) => child.until((line) => line === "ready")));
  for (const child of crowd) child.go();
  return crowd.map((child) => child.finish());
}

/** Starts a process that does a job, at once or when it is told to go. */
function start(job: string, count = 0, atOnce = true) {
  const script = new URL("./sqlite-child.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, job, path, `${count}`], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.add(child);
  const lines: string[] = [];
  const faults: string[] = [];
  const closed = once(child, "close");
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  child.stderr.on("data", (data: Buffer) => faults.push(data.toString()));
  const go = () => child.stdin.end("go\n");
  if (atOnce) go();
  return {
    go,
    /** Waits for a line; fails if the process ends without it. */
    until: async (wanted: (line: string) => boolean) => {
      const seen = Promise.withResolvers<void>();
      reader.on("line", (line) => {
        if (wanted(line)) seen.resolve();
      });
      const ended = closed.then(() => {
        throw new Error(`${job} ended too early: ${faults.join("")}`);
      });
      await Promise.race([seen.promise, ended]);
    },
    /** Waits for its good end. */
    finish: async () => {
      const [code] = (await closed) as [number | null];
      if (code !== 0) throw new Error(`${job} ended with ${code}: ${faults.join("")}`);
      return lines.filter((line) => line !== "ready");
    },
    kill: async () => {
      child.kill("SIGKILL");
      await closed;
      return lines.filter((line) => line !== "ready");
    },
  };
}
