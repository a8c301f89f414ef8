import { describe, expect, test } from "vitest";
import { cancel } from "../src/cancel.ts";
import { dispatch } from "../src/dispatch.ts";
import { poll } from "../src/poll.ts";
import { MINUTE, SECOND } from "../src/time.ts";
import { type TestApp, testApp } from "./fakes/app.ts";
import { stateOf } from "./fakes/one-run.ts";

const FLOW = { name: "load", command: "true" };

async function start(t: TestApp, body: object = {}) {
  await dispatch(t.app, { id: "m", body: JSON.stringify({ run_id: "r1", flow: FLOW, ...body }) });
}

const KILLED = { type: "killed", message: "ended by SIGTERM", signal: "SIGTERM" } as const;

describe("cancel", () => {
  test("of a scheduled run ends it at once", async () => {
    const t = testApp();
    await start(t, { scheduled_start_time: "2026-11-22T12:00:00Z" });
    expect((await cancel(t.app, "r1")).state).toMatchObject({
      type: "cancelled",
      cause: { type: "requested" },
    });
  });

  test("of a waiting run ends it at once", async () => {
    const t = testApp();
    t.setAgents();
    await start(t);
    expect((await cancel(t.app, "r1")).state).toMatchObject({ type: "cancelled" });
  });

  test("of a run that a platform has refused ends it after one more look for a job", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse" });
    await start(t);
    expect((await cancel(t.app, "r1")).state).toMatchObject({ type: "cancelling" });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelled", cause: { type: "requested" } });
  });

  test("of a run that was refused and has a job all the same stops that job", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", started: true });
    await start(t);
    await cancel(t.app, "r1");
    await poll(t.app);
    expect(t.platform.cancelled).toEqual(["here/r1/1"]);
    t.platform.set("r1", { type: "ended", end: "failed", cause: KILLED });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelled" });
  });

  test("of a launched run asks the platform to stop the job, and the run ends when it has", async () => {
    const t = testApp();
    await start(t);
    expect((await cancel(t.app, "r1")).state).toMatchObject({ type: "cancelling" });
    expect(t.platform.cancelled).toHaveLength(1);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelling" });
    t.platform.set("r1", { type: "ended", end: "failed", cause: KILLED });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({
      type: "cancelled",
      cause: { type: "requested", signal: "SIGTERM" },
    });
  });

  test("of a running run forgets neither when it started nor its job", async () => {
    const t = testApp();
    await start(t);
    const startedAt = "2026-11-21T12:00:01.000Z";
    t.platform.set("r1", { type: "running", startedAt });
    await poll(t.app);
    expect((await cancel(t.app, "r1")).state).toMatchObject({ type: "cancelling", startedAt });
    t.platform.set("r1", { type: "ended", end: "failed", cause: KILLED });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelled", startedAt, job: {} });
  });

  test("of a run that succeeds meanwhile leaves it succeeded", async () => {
    const t = testApp();
    await start(t);
    await cancel(t.app, "r1");
    const cause = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
    t.platform.set("r1", { type: "ended", end: "succeeded", cause });
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "succeeded", cause });
  });

  test("is asked for again by the tick until the job has ended", async () => {
    const t = testApp();
    await start(t);
    t.platform.fail("cancel", new Error("throttled"));
    await cancel(t.app, "r1");
    expect(t.lines.at(-1)).toMatchObject({ level: "warn", message: "job not stopped yet" });
    t.platform.fail("cancel", undefined);
    await poll(t.app);
    expect(t.platform.cancelled).toHaveLength(0);
    t.clock.pass(MINUTE);
    await poll(t.app);
    await poll(t.app);
    expect(t.platform.cancelled).toHaveLength(1);
    t.clock.pass(MINUTE);
    await poll(t.app);
    expect(t.platform.cancelled).toHaveLength(2);
  });

  test("ends once the platform has not known the job for a while, however often it is asked", async () => {
    const t = testApp();
    await start(t);
    await cancel(t.app, "r1");
    t.platform.set("r1", { type: "missing" });
    for (let minute = 0; minute < 5; minute++) {
      expect(await stateOf(t)).toMatchObject({ type: "cancelling" });
      t.clock.pass(MINUTE);
      await poll(t.app);
    }
    expect(await stateOf(t)).toMatchObject({ type: "cancelled", cause: { type: "requested" } });
  });

  test("is asked for once by two ticks at the same time", async () => {
    const t = testApp();
    await start(t);
    await cancel(t.app, "r1");
    t.clock.pass(MINUTE);
    await Promise.all([poll(t.app), poll(t.app)]);
    expect(t.platform.cancelled).toHaveLength(2);
    t.clock.pass(MINUTE);
    const store = { ...t.app.store, transition: async () => undefined };
    await poll({ ...t.app, agents: t.app.agents, store });
    expect(t.platform.cancelled).toHaveLength(2);
  });

  test("of a finished or already cancelled run returns it as it is", async () => {
    const t = testApp();
    await start(t);
    await cancel(t.app, "r1");
    const before = await t.app.store.get("r1");
    expect(await cancel(t.app, "r1")).toEqual(before);
    t.platform.set("r1", { type: "ended", end: "failed", cause: KILLED });
    await poll(t.app);
    expect((await cancel(t.app, "r1")).state.type).toBe("cancelled");
    expect(t.platform.cancelled).toHaveLength(1);
  });

  test("of a run nobody knows says so", async () => {
    await expect(cancel(testApp().app, "ghost")).rejects.toMatchObject({ code: "not_found" });
  });

  test("that loses the race against the end of the run reads again", async () => {
    const t = testApp();
    await start(t);
    const { store } = t.app;
    let raced = false;
    const racing = {
      ...store,
      get: async (id: string) => {
        const run = await store.get(id);
        if (!raced) {
          raced = true;
          t.platform.set("r1", { type: "ended", end: "failed", cause: KILLED });
          await poll(t.app);
        }
        return run;
      },
    };
    const run = await cancel({ ...t.app, store: racing }, "r1");
    expect(run.state.type).toBe("failed");
    expect(t.platform.cancelled).toEqual([]);
  });

  test("leaves the job of a remote place to that place's tick", async () => {
    const t = testApp();
    t.setAgents({ name: "lab", remote: true });
    const lab = { ...t.app, place: "lab", agents: t.app.agents };
    await start(t);
    await dispatch(lab, { id: "m2", body: '{"run_id":"r1"}' });
    await cancel(t.app, "r1");
    expect(t.platform.cancelled).toEqual([]);
    t.clock.pass(MINUTE);
    await poll(lab);
    expect(t.platform.cancelled).toHaveLength(1);
  });
});

describe("cancel while the launch is in flight", () => {
  test("is carried out by the handler that learns of the job", async () => {
    const t = testApp();
    t.platform.during(async () => {
      await cancel(t.app, "r1");
    });
    await start(t);
    expect(await stateOf(t)).toMatchObject({ type: "cancelling", job: { backend: "test" } });
    expect(t.platform.cancelled).toHaveLength(1);
  });

  test("is carried out by the tick if the handler died after starting the job", async () => {
    const t = testApp();
    t.platform.during(async () => {
      await cancel(t.app, "r1");
      throw new Error("killed");
    });
    await start(t);
    expect(await stateOf(t)).toMatchObject({ type: "cancelling", misses: 0 });
    await poll(t.app);
    expect(t.platform.cancelled).toHaveLength(0);
    t.clock.pass(60 * SECOND);
    await poll(t.app);
    expect(t.platform.cancelled).toHaveLength(1);
  });

  test("ends the run once no job was found twice, five minutes apart", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" });
    await start(t);
    await cancel(t.app, "r1");
    t.clock.pass(60 * SECOND);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelling", misses: 1 });
    t.clock.pass(4 * MINUTE);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelling", misses: 1 });
    t.clock.pass(MINUTE);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelled", cause: { type: "requested" } });
  });

  test("ends the run as lost after a day in which nobody could look for its job", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" });
    await start(t);
    await cancel(t.app, "r1");
    t.platform.fail("find", new Error("access denied"));
    t.clock.pass(60 * SECOND);
    await poll(t.app);
    t.clock.pass(24 * 60 * MINUTE - SECOND);
    await poll(t.app);
    expect(await stateOf(t)).toMatchObject({ type: "cancelling" });
    t.clock.pass(SECOND);
    await poll(t.app);
    const state = await stateOf(t);
    expect(state).toMatchObject({ type: "crashed", cause: { type: "lost" }, launch: 1 });
    expect(JSON.stringify(state)).toContain("for 24 hours nobody could find out");
    expect(JSON.stringify(state)).toContain("the last try: access denied");
  });

  test("waits for its job another day if it could be looked for in between", async () => {
    const t = testApp();
    t.platform.behave({ type: "answer lost" });
    await start(t);
    await cancel(t.app, "r1");
    const looks = async (error?: Error) => {
      t.platform.fail("find", error);
      await poll(t.app);
      t.clock.pass(20 * 60 * MINUTE);
    };
    t.platform.showJobs(false);
    t.clock.pass(MINUTE);
    await looks(new Error("access denied"));
    await looks();
    t.platform.showJobs(true);
    await looks(new Error("access denied"));
    await looks();
    expect(await stateOf(t)).toMatchObject({ type: "cancelling", job: { backend: "test" } });
    expect(t.platform.cancelled).toHaveLength(1);
  });

  test("waits for ever for a known job of an agent that cannot be opened", async () => {
    const t = testApp();
    await start(t);
    await cancel(t.app, "r1");
    const closed = { ...t.app, backend: async () => Promise.reject(new Error("no agent here")) };
    for (let hour = 0; hour < 30; hour++) {
      t.clock.pass(60 * MINUTE);
      await poll(closed);
    }
    expect(await stateOf(t)).toMatchObject({ type: "cancelling", job: { backend: "test" } });
  });
});
