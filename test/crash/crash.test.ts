import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import type { Run } from "../../src/run.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { sqliteStore } from "../../src/stores/sqlite/runs.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A data folder with one message on its queue: a process that notes that it ran, and fails with 3. */
async function folderWithMessage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-crash-"));
  folders.push(folder);
  const db = openSqlite(join(folder, "sluice.db"));
  const queue = sqliteQueue(db, { now: () => new Date(), newId: () => "first" });
  const command = `echo executed >> ${join(folder, "executions")}; sleep 1; exit 3`;
  await queue.send([{ body: JSON.stringify({ run_id: "r1", flow: { name: "load", command } }) }]);
  db.close();
  return folder;
}

/** Runs a dispatcher until every run is final, or until it dies; tells the steps it passed. */
async function dispatcher(
  folder: string,
  dieAt: number,
): Promise<{ died: boolean; steps: string[] }> {
  const child = spawn(
    process.execPath,
    [new URL("./dispatcher.ts", import.meta.url).pathname, folder, String(dieAt)],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on("close", (...end) => resolve(end));
  });
  if (code !== 0 && signal !== "SIGKILL") {
    throw new Error(`dispatcher ended with ${code ?? signal}: ${log}`);
  }
  return { died: signal === "SIGKILL", steps: output.trim().split("\n") };
}

async function runIn(folder: string): Promise<Run | undefined> {
  const db = openSqlite(join(folder, "sluice.db"));
  const run = await sqliteStore(db).get("r1");
  db.close();
  return run;
}

/** What must hold whenever the dispatcher died: one execution, and its true end. */
async function expectTrueEnd(folder: string): Promise<void> {
  expect((await runIn(folder))?.state).toMatchObject({
    type: "failed",
    launch: 1,
    cause: { type: "exit", exitCode: 3 },
  });
  expect(readFileSync(join(folder, "executions"), "utf8")).toBe("executed\n");
}

describe.concurrent("a dispatcher that is killed", () => {
  test("between any two steps of a launch leaves one execution and the right end", async () => {
    const whole = await folderWithMessage();
    const { died, steps } = await dispatcher(whole, -1);
    expect(died).toBe(false);
    await expectTrueEnd(whole);
    const names = steps.map((line) => line.replace(/^\d+ /, ""));
    for (const step of ["create", "plan", "launch", "transition", "done"]) {
      expect(names).toContain(`before ${step}`);
      expect(names).toContain(`after ${step}`);
    }
    const points = [...steps.keys()];
    const worker = async () => {
      for (let point = points.shift(); point !== undefined; point = points.shift()) {
        const folder = await folderWithMessage();
        expect((await dispatcher(folder, point)).died).toBe(true);
        expect((await dispatcher(folder, -1)).died).toBe(false);
        await expectTrueEnd(folder);
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
  }, 300_000);

  test("twice, the second time while it takes the launch over, does no harm either", async () => {
    const folder = await folderWithMessage();
    const { steps } = await dispatcher(await folderWithMessage(), -1);
    const afterLaunch = steps.findIndex((line) => line.endsWith("after launch"));
    expect((await dispatcher(folder, afterLaunch)).died).toBe(true);
    // The first steps of the second one: the message sent again, the lease taken, the job looked for.
    expect((await dispatcher(folder, 4)).died).toBe(true);
    expect((await dispatcher(folder, -1)).died).toBe(false);
    await expectTrueEnd(folder);
  }, 120_000);
});
