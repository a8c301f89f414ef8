import { describe, expect, test } from "vitest";
import type { Backend } from "../src/backend.ts";
import { dispatch } from "../src/dispatch.ts";
import { observe } from "../src/observe.ts";
import { poll, TIDY_MS, TIDY_WAIT_MS } from "../src/poll.ts";
import type { JobStatus } from "../src/run.ts";
import { MINUTE } from "../src/time.ts";
import { type TestApp, testApp } from "./fakes/app.ts";
import { stateOf } from "./fakes/one-run.ts";

const FLOW = { name: "load", command: "true" };
const SUCCEEDED: JobStatus = {
  type: "ended",
  end: "succeeded",
  cause: { type: "exit", message: "exit code 0", exitCode: 0 },
};
const PENDING: JobStatus = { type: "pending" };

async function start(t: TestApp, id = "r1") {
  await dispatch(t.app, { id: `m-${id}`, body: JSON.stringify({ run_id: id, flow: FLOW }) });
}

describe("poll", () => {
  test("follows a job from submitted through running to its end", async () => {
    const t = testApp();
    await start(t);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
    t.platform.set("r1", { type: "running", startedAt: "2026-11-21T12:00:01.000Z" });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "running" });
    t.platform.set("r1", SUCCEEDED);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({
      type: "succeeded",
      startedAt: "2026-11-21T12:00:01.000Z",
      cause: { exitCode: 0 },
    });
  });

  test("writes nothing when it only looks", async () => {
    const t = testApp();
    await start(t);
    const before = await t.app.store.get("r1");
    await poll(t.app);
    await poll(t.app);
    expect(await t.app.store.get("r1")).toEqual(before);
  });

  test("keeps in mind which launch was refused while it says anew for what its run waits", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse" });
    await start(t);
    const { refused } = (await stateOf(t)) as { readonly refused?: object };
    expect(refused).toBeDefined();
    t.clock.pass(60 * MINUTE);
    t.setAgents({ name: "far", labels: ["elsewhere"] });
    await dispatch(t.app, { id: "m-r1", body: '{"run_id":"r1"}' });
    t.setAgents({ name: "further", labels: ["elsewhere"] });
    await poll(t.app);
    const message = expect.stringContaining("nearest is further");
    expect(await stateOf(t)).toMatchObject({ reason: "no_agent", message, refused });
  });

  test("asks only about the runs this tick looks at", async () => {
    const t = testApp({ looks: () => false });
    await start(t);
    t.platform.set("r1", SUCCEEDED);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
  });

  test("asks about all jobs of an agent in one call", async () => {
    const t = testApp();
    for (let index = 0; index < 30; index++) await start(t, `r${index}`);
    const calls: number[] = [];
    const { backend } = t.platform;
    const inspect: typeof backend.inspect = async (jobs) => {
      calls.push(jobs.length);
      return backend.inspect(jobs);
    };
    await poll({ ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, inspect }) });
    expect(calls).toEqual([30]);
  });

  test("sends a run again whose message was lost", async () => {
    const t = testApp();
    const start = "2026-11-21T12:05:00.000Z";
    const body = JSON.stringify({ run_id: "r1", flow: FLOW, scheduled_start_time: start });
    await dispatch(t.app, { id: "m", body });
    t.clock.pass(5 * MINUTE);
    const [lost] = await t.queue.receive(1);
    await t.queue.done([lost?.receipt ?? ""]);
    await poll(t.app);
    expect(await t.queue.counts()).toMatchObject({ ready: 0 });
    t.clock.pass(2 * MINUTE);
    await poll(t.app);
    await poll(t.app);
    expect(await t.queue.counts()).toMatchObject({ ready: 1 });
  });

  test("sends a scheduled run to the second, however long the tick has been at work before", async () => {
    const t = testApp();
    const start = "2026-11-21T13:00:00.000Z";
    const body = { run_id: "r1", flow: FLOW, scheduled_start_time: start };
    await dispatch(t.app, { id: "m", body: JSON.stringify(body) });
    t.clock.pass(50 * MINUTE);
    const { store } = t.app;
    const slow: typeof store.due = async function* (...asked) {
      t.clock.pass(3 * MINUTE);
      yield* store.due(...asked);
    };
    await poll({ ...t.app, store: { ...store, due: slow } });
    t.clock.pass(7 * MINUTE - 1_000);
    expect(await t.queue.receive(1)).toEqual([]);
    t.clock.pass(1_000);
    const [message] = await t.queue.receive(1);
    expect(t.app.now().toISOString()).toBe(start);
    expect(message?.body).toBe('{"run_id":"r1"}');
  });

  test("a platform that cannot be asked is logged, and other agents' runs go on", async () => {
    const t = testApp();
    t.setAgents({ name: "broken", labels: ["b"] }, { name: "sound" });
    const healthy = t.platform.backend;
    const app = {
      ...t.app,
      agents: t.app.agents,
      backend: async ({ name }: { name: string }) =>
        name === "broken"
          ? { ...healthy, inspect: async () => Promise.reject(new Error("down")) }
          : healthy,
    };
    await dispatch(app, {
      id: "a",
      body: JSON.stringify({ run_id: "ra", flow: FLOW, labels: ["b"] }),
    });
    await dispatch(app, { id: "b", body: JSON.stringify({ run_id: "rb", flow: FLOW }) });
    t.platform.set("ra", SUCCEEDED);
    t.platform.set("rb", SUCCEEDED);
    await poll(app);
    expect(await stateOf(t, "ra")).toMatchObject({ type: "submitted" });
    expect(await stateOf(t, "rb")).toMatchObject({ type: "succeeded" });
    expect(t.lines).toContainEqual({
      level: "error",
      message: "tick failed in part",
      fields: { agent: "broken", reason: "down" },
    });
  });

  test.each([
    ["a platform that cannot be asked", async () => Promise.reject(new Error("down")), 1],
    ["jobs that cannot be asked about", async () => [undefined, PENDING], 1],
    [
      "runs that cannot be written, each",
      async () => [{ type: "running" } as const, { type: "running" } as const],
      2,
    ],
    ["nothing", async () => [PENDING, PENDING], 0],
  ] as const)("tells how often a part of it failed: for %s", async (_, inspect, times) => {
    const t = testApp();
    await start(t, "r1");
    await start(t, "r2");
    let failed = 0;
    await poll({
      ...t.app,
      agents: t.app.agents,
      backend: async () => ({ ...t.platform.backend, inspect }),
      store: { ...t.app.store, transition: async () => Promise.reject(new Error("disk full")) },
      partFailed() {
        failed += 1;
      },
    });
    expect(failed).toBe(times);
  });

  test("a platform that never answers holds up its own runs only", async () => {
    const t = testApp();
    await start(t);
    const { backend } = t.platform;
    const inspect: typeof backend.inspect = () => new Promise(() => {});
    const app = { ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, inspect }) };
    const late = { ...app, timeout: () => AbortSignal.timeout(1) };
    await poll(late);
    expect(t.lines.at(-1)).toMatchObject({
      message: "tick failed in part",
      fields: { agent: "here", reason: "no answer within 10 seconds" },
    });
  });

  test("says anew for what a run waits when other agents have become the nearest", async () => {
    const t = testApp();
    t.setAgents({ name: "prod", labels: ["prod"] });
    const body = JSON.stringify({ run_id: "r1", flow: FLOW, labels: ["prod", "us"] });
    await dispatch(t.app, { id: "m", body });
    t.setAgents({ name: "near", labels: ["us"] });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ message: expect.stringMatching(/nearest is near/) });
    const before = await t.app.store.get("r1");
    await poll(t.app);
    expect(await t.app.store.get("r1")).toEqual(before);
  });

  test("a backend that answers too few statuses moves only the runs it spoke of", async () => {
    const t = testApp();
    await start(t, "ra");
    await start(t, "rb");
    t.platform.set("ra", SUCCEEDED);
    const { backend } = t.platform;
    const inspect: typeof backend.inspect = async (jobs) => backend.inspect(jobs.slice(0, 1));
    await poll({ ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, inspect }) });
    expect(await stateOf(t, "ra")).toMatchObject({ type: "succeeded" });
    expect(await stateOf(t, "rb")).toMatchObject({ type: "submitted" });
  });

  test("works through more runs than it takes at a time, and stops between pages when told", async () => {
    const t = testApp();
    const ids = Array.from({ length: 501 }, (_, index) => `r${index}`);
    for (const id of ids) await start(t, id);
    await poll(t.app);
    for (const id of ids) t.platform.set(id, SUCCEEDED);
    await poll(t.app, AbortSignal.abort());
    const done = async () =>
      (await t.app.store.list({ state: "succeeded", limit: 500 })).items.length;
    expect(await done()).toBe(500);
    await poll(t.app);
    expect((await t.app.store.list({ state: "submitted" })).items).toEqual([]);
  });
});

describe("tidying", () => {
  /** A run whose job has succeeded, and an app with a backend that tidies up. */
  async function ended(tidy: NonNullable<Backend["tidy"]>, more: Partial<Backend> = {}) {
    const t = testApp();
    await start(t);
    t.platform.set("r1", SUCCEEDED);
    const backend = { ...t.platform.backend, tidy, ...more };
    return { t, app: { ...t.app, agents: t.app.agents, backend: async () => backend } };
  }

  test("comes after what a look has found is stored, and not after a look that failed", async () => {
    const seen: unknown[] = [];
    const { t, app } = await ended(async (jobs) => {
      seen.push(jobs.length, (await stateOf(t))?.type);
    });
    const inspect = () => Promise.reject(new Error("down"));
    await poll({ ...app, backend: async () => ({ ...(await app.backend()), inspect }) });
    expect(seen).toEqual([]);
    await poll(app);
    expect(seen).toEqual([1, "succeeded"]);
  });

  test("is told to begin nothing more after a while, and then not waited for", async () => {
    const timers = new Map<number, AbortController>();
    const timeout = (ms: number) => {
      const timer = new AbortController();
      timers.set(ms, timer);
      return timer.signal;
    };
    const told: boolean[] = [];
    const { t, app } = await ended((_, signal) => {
      told.push(signal.aborted);
      timers.get(TIDY_MS)?.abort();
      told.push(signal.aborted);
      timers.get(TIDY_WAIT_MS)?.abort();
      return new Promise(() => {});
    });
    await poll({ ...app, timeout });
    expect(told).toEqual([false, true]);
    expect(t.lines.filter(({ level }) => level !== "info")).toEqual([]);
    expect(TIDY_MS).toBeLessThan(TIDY_WAIT_MS);
  });

  test("that fails against its promise is logged, and harms nothing", async () => {
    const { t, app } = await ended(() => Promise.reject(new Error("oops")));
    await poll(app);
    expect(await stateOf(t)).toMatchObject({ type: "succeeded" });
    expect(t.lines.at(-1)).toMatchObject({
      message: "tick failed in part",
      fields: { agent: "here", work: "tidy", reason: "oops" },
    });
  });
});

describe("observe", () => {
  test("takes an event for what a tick would have found, in any order and any number", async () => {
    const t = testApp();
    await start(t);
    const run = await t.app.store.get("r1");
    const state = run?.state;
    if (state?.type !== "submitted") throw new Error("expected a submitted run");
    const { job } = state;
    await observe(t.app, "r1", { launch: 1, job, status: SUCCEEDED });
    await observe(t.app, "r1", { launch: 1, job, status: { type: "running" } });
    await observe(t.app, "r1", { launch: 1, job, status: SUCCEEDED });
    expect(await stateOf(t)).toMatchObject({ type: "succeeded" });
  });

  test("ignores an event of another launch", async () => {
    const t = testApp();
    await start(t);
    const job = { backend: "test", id: "old", ref: {} };
    await observe(t.app, "r1", { launch: 7, job, status: SUCCEEDED });
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
  });

  test("ignores an event of a run that is not ours, and says so", async () => {
    const t = testApp();
    const job = { backend: "test", id: "x", ref: {} };
    await observe(t.app, "ghost", { launch: 1, job, status: SUCCEEDED });
    expect(t.lines.at(-1)?.message).toBe("event ignored: its run is not known");
  });

  test("reads again and applies itself to what it read when it loses the race", async () => {
    const t = testApp();
    await start(t);
    const run = await t.app.store.get("r1");
    if (run?.state.type !== "submitted") throw new Error("expected a submitted run");
    const { job } = run.state;
    const { store } = t.app;
    // It reads the run before the other event moves it.
    const stale = { ...store, get: async (id: string) => (calls++ === 0 ? run : store.get(id)) };
    let calls = 0;
    await observe(t.app, "r1", { launch: 1, job, status: { type: "running" } });
    await observe({ ...t.app, store: stale }, "r1", { launch: 1, job, status: SUCCEEDED });
    expect(await stateOf(t)).toMatchObject({ type: "succeeded" });
  });
});
