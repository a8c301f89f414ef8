/**
 * A process of its own that works on a data file: `sqlite-child.ts JOB PATH COUNT`. It says "ready", waits
 * for a line, does its job, and says one line for each thing that was acknowledged to it.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite, type Sqlite } from "../../src/stores/sqlite/database.ts";
import { sqliteRegistry } from "../../src/stores/sqlite/flows.ts";
import { sqliteStore } from "../../src/stores/sqlite/runs.ts";
import { newRun, START, waiting } from "../contracts/store-samples.ts";

const JOBS: Readonly<Record<string, (db: Sqlite, count: number) => Promise<void>>> = {
  open: async () => say("opened"),
  create,
  count: countUp,
  receive,
  make,
  hold,
  write: writeForEver,
};

const [job = "", path = "", count = "0"] = process.argv.slice(2);
say("ready");
await once(process.stdin, "data");
process.stdin.destroy();
const db = openSqlite(path);
await JOBS[job]?.(db, Number(count));
db.close();

/** Straight to the descriptor: a line that was said has left this process. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function create(db: Sqlite, count: number): Promise<void> {
  const store = sqliteStore(db);
  for (let index = 0; index < count; index++) {
    const { run, created } = await store.create(newRun({ id: `shared-${index}` }));
    if (created) say(run.id);
  }
}

/** Adds one to the tries of the run `counter`, `count` times. */
async function countUp(db: Sqlite, count: number): Promise<void> {
  const store = sqliteStore(db);
  for (let done = 0; done < count; ) {
    const run = await store.get("counter");
    if (run?.state.type !== "waiting") throw new Error("the counter must be a run that waits");
    const next = waiting(START, run.state.tries + 1);
    if ((await store.transition(run, next, { now: START })) !== undefined) done += 1;
  }
  say("counted");
}

async function receive(db: Sqlite): Promise<void> {
  const queue = sqliteQueue(db, { now: () => new Date(), newId: randomUUID });
  for (;;) {
    const messages = await queue.receive(2);
    if (messages.length === 0) return;
    for (const { body } of messages) say(body);
    await queue.done(messages.map(({ receipt }) => receipt));
  }
}

async function make(db: Sqlite, count: number): Promise<void> {
  const registry = registryOf(db);
  for (let index = 0; index < count; index++) {
    const value = await registry.once(`key-${index}`, async () => {
      say(`made key-${index}`);
      await sleep(1);
      return `${process.pid}`;
    });
    say(`got key-${index} ${value}`);
  }
}

async function hold(db: Sqlite): Promise<void> {
  await registryOf(db).once("held", async () => {
    say("holding");
    await sleep(3_600_000);
    return "never";
  });
}

async function writeForEver(db: Sqlite): Promise<void> {
  const store = sqliteStore(db);
  const queue = sqliteQueue(db, { now: () => new Date(), newId: randomUUID });
  for (let index = 0; ; index++) {
    const received = "x".repeat((index * 997) % 20_000);
    const { run } = await store.create(newRun({ id: `run-${index}`, body: { received } }));
    say(`created ${index}`);
    await store.transition(run, waiting(START, index), { now: START });
    say(`moved ${index}`);
    await queue.send([{ body: `${index}` }]);
    say(`sent ${index}`);
  }
}

function registryOf(db: Sqlite) {
  return sqliteRegistry(db, { now: () => new Date(), newId: randomUUID, sleep: (ms) => sleep(ms) });
}
