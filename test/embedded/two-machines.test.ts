import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { App } from "../../src/app.ts";
import { cancel } from "../../src/cancel.ts";
import { dispatch } from "../../src/dispatch.ts";
import { type AgentHostProcess, openAgentHost } from "../../src/embedded/agent-host.ts";
import { turn } from "../../src/embedded/loop.ts";
import { LOST_AFTER_MS, OFFLINE_AFTER_MS } from "../../src/hosts.ts";
import { runLogs } from "../../src/logs.ts";
import { placeBesideFunctions } from "../../src/place.ts";
import { isFinal, type Run } from "../../src/run.ts";
import { MINUTE } from "../../src/time.ts";
import { testApp } from "../fakes/app.ts";

/** The data folder is at the same path on both machines; on the second one it is empty. */
let folder: string;
let opened: AgentHostProcess[];
let cloud: App;
let lines: ReturnType<typeof testApp>["lines"];
let clock: ReturnType<typeof testApp>["clock"];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-machines-"));
  writeFileSync(join(folder, "sluice.yml"), "agents: { lab: { backend: local } }");
  opened = [];
  const t = testApp({ placeOf: placeBesideFunctions });
  t.setAgents({ name: "lab", backend: "local" });
  ({ lines, clock } = t);
  cloud = { ...t.app, agents: t.app.agents };
});

afterEach(async () => {
  // Whatever still runs ends by itself.
  writeFileSync(join(folder, "gate"), "");
  while (started() > ended()) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const host of opened) host.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

/** How many lines the jobs of a test have written when they began, and when they ended. */
const started = () => count("started");
const ended = () => count("ended");

function count(name: string): number {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
}

/** Opens the host on the data folder as it is, and beats once. */
async function boot(): Promise<AgentHostProcess> {
  const host = await openAgentHost({
    agent: "lab",
    installation: "sluice-prod",
    storage: cloud,
    version: "0.1.0",
    config: join(folder, "sluice.yml"),
    dataFolder: join(folder, "data"),
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    log: cloud.log,
    now: cloud.now,
  });
  opened.push(host);
  await host.work(AbortSignal.abort());
  return host;
}

/** Takes the disk of the machine away, and puts another one in its place. */
function swapDisks(away: string, back?: string): void {
  renameSync(join(folder, "data"), join(folder, away));
  if (back !== undefined) renameSync(join(folder, back), join(folder, "data"));
}

/** The first turn sends what is due, so that later ones take it. */
async function work(host: AgentHostProcess): Promise<void> {
  await turn(host);
  while ((await turn(host)) > 0);
}

async function start(id = "r1"): Promise<void> {
  const command = "echo x >> started; while ! [ -e gate ]; do sleep 0.02; done; echo x >> ended";
  const body = { run_id: id, flow: { name: "load", command } };
  await dispatch(cloud, { id: `m-${id}`, body: JSON.stringify(body) });
}

async function runOf(id = "r1"): Promise<Run> {
  const run = await cloud.store.get(id);
  if (run === undefined) throw new Error(`expected a run ${id}`);
  return run;
}

/** Turns until the run is as expected; the test's own time limit ends what never comes. */
async function workUntil(host: AgentHostProcess, expected: (run: Run) => boolean): Promise<Run> {
  for (;;) {
    await work(host);
    const run = await runOf();
    if (expected(run)) return run;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function runningOnFirst(): Promise<AgentHostProcess> {
  await start();
  const first = await boot();
  await workUntil(first, ({ state }) => state.type === "running" && started() === 1);
  return first;
}

describe("a run that is alive on the machine another one has replaced", () => {
  test("is left alone until that machine is lost, and then ends as lost", async () => {
    await runningOnFirst();
    const before = await runOf();
    swapDisks("first");
    clock.pass(OFFLINE_AFTER_MS);
    const second = await boot();
    await work(second);
    expect(await runOf()).toEqual(before);
    clock.pass(LOST_AFTER_MS - OFFLINE_AFTER_MS - 1);
    await work(second);
    expect(await runOf()).toEqual(before);
    clock.pass(5_001);
    await work(second);
    expect((await runOf()).state).toMatchObject({
      type: "crashed",
      cause: {
        type: "lost",
        message: expect.stringMatching(/ was started at .*\/data#.*, which is lost/),
      },
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ message: "agent taken over from another host" }),
    );
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
    expect(started()).toBe(1);
  });

  test("ends as it does if its machine comes back in time", async () => {
    await runningOnFirst();
    swapDisks("first");
    clock.pass(OFFLINE_AFTER_MS);
    const second = await boot();
    await work(second);
    second.close();
    swapDisks("second", "first");
    clock.pass(OFFLINE_AFTER_MS);
    const first = await boot();
    await work(first);
    expect((await runOf()).state.type).toBe("running");
    writeFileSync(join(folder, "gate"), "");
    const run = await workUntil(first, ({ state }) => isFinal(state));
    expect(run.state.type).toBe("succeeded");
  });

  test("shows its log there alone, and is cancelled by nobody else", async () => {
    await runningOnFirst();
    swapDisks("first");
    clock.pass(OFFLINE_AFTER_MS);
    const second = await boot();
    await expect(runLogs(second.app, "r1")).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/^the log of \d+ is at .*\/data#/),
    });
    await cancel(cloud, "r1");
    await work(second);
    expect((await runOf()).state.type).toBe("cancelling");
    expect(lines.filter(({ level }) => level === "error")).toMatchObject([
      { fields: { reason: expect.stringMatching(/^\d+ is at .*, which may come back/) } },
    ]);
    clock.pass(LOST_AFTER_MS);
    await second.work(AbortSignal.abort());
    await work(second);
    expect((await runOf()).state).toMatchObject({ type: "crashed", cause: { type: "lost" } });
  });

  test("is told of by its own host alone, when that comes back after the run was lost", async () => {
    await runningOnFirst();
    swapDisks("first");
    clock.pass(LOST_AFTER_MS);
    const second = await boot();
    await work(second);
    expect((await runOf()).state.type).toBe("crashed");
    second.close();
    clock.pass(LOST_AFTER_MS);
    await boot();
    expect(lines.filter(({ message }) => /job of a lost run/.test(message))).toEqual([]);
    second.close();
    swapDisks("second", "first");
    clock.pass(OFFLINE_AFTER_MS);
    await boot();
    expect(lines.filter(({ message }) => /job of a lost run/.test(message))).toMatchObject([
      { message: "job of a lost run found alive", fields: { runId: "r1" } },
    ]);
  });
});

describe("a launch that was begun on the machine another one has replaced", () => {
  test("is not made a second time, and ends as lost once that machine is", async () => {
    await start();
    const first = await boot();
    const { app } = first;
    const dying: typeof app.store = {
      ...app.store,
      transition: async (run, next, ...rest) => {
        if (next.type === "submitted") throw new Error("the machine is gone");
        return await app.store.transition(run, next, ...rest);
      },
    };
    const { agents } = app;
    await dispatch({ ...app, agents, store: dying }, { id: "m", body: '{"run_id":"r1"}' }).catch(
      () => undefined,
    );
    while (started() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await runOf()).state.type).toBe("launching");
    swapDisks("first");
    for (let minute = 1; minute < 10; minute++) {
      clock.pass(MINUTE);
      const second = await boot();
      await work(second);
      expect((await runOf()).state.type).toBe("launching");
    }
    clock.pass(6 * MINUTE);
    const second = await boot();
    await work(second);
    expect((await runOf()).state).toMatchObject({ type: "crashed", cause: { type: "lost" } });
    expect(started()).toBe(1);
  });
});
