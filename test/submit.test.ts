import { describe, expect, test } from "vitest";
import { abandon } from "../src/abandon.ts";
import { dispatch } from "../src/dispatch.ts";
import { poll } from "../src/poll.ts";
import { rerun, submit } from "../src/submit.ts";
import { testApp } from "./fakes/app.ts";

const REQUEST = { run_id: "r1", flow: { name: "load", command: "true" } };

describe("submit", () => {
  test("stores the run and puts its name on the queue", async () => {
    const t = testApp();
    const { run, created } = await submit(t.app, REQUEST);
    expect(created).toBe(true);
    expect(run.state).toMatchObject({ type: "scheduled", start: "2026-11-21T12:00:00.000Z" });
    const [message] = await t.queue.receive(1);
    expect(message?.body).toBe('{"run_id":"r1"}');
    await dispatch(t.app, message ?? { id: "", body: "" });
    expect((await t.app.store.get("r1"))?.state.type).toBe("submitted");
  });

  test("of the same request again returns the run it made", async () => {
    const t = testApp();
    await submit(t.app, REQUEST);
    const again = await submit(t.app, { flow: { command: "true", name: "load" }, run_id: "r1" });
    expect(again).toMatchObject({ created: false, run: { id: "r1" } });
    expect(await t.queue.counts()).toMatchObject({ ready: 1 });
  });

  test("of another request with the same id is a conflict", async () => {
    const t = testApp();
    await submit(t.app, REQUEST);
    await expect(submit(t.app, { ...REQUEST, name: "other" })).rejects.toMatchObject({
      code: "conflict",
    });
  });

  test("stores nothing of a request with faults, and names all of them", async () => {
    const t = testApp();
    const faulty = { flow: { name: "x", command: 3 }, labels: "a" };
    await expect(submit(t.app, faulty)).rejects.toMatchObject({
      code: "invalid",
      issues: [{ path: "labels" }, { path: "flow.command" }],
    });
    expect((await t.app.store.list({})).items).toEqual([]);
  });

  test("refuses a reference, which asks for nothing", async () => {
    await expect(submit(testApp().app, { run_id: "r1" })).rejects.toMatchObject({
      code: "invalid",
    });
  });

  test("keeps warnings about keys nobody reads", async () => {
    const { warnings } = await submit(testApp().app, { ...REQUEST, colour: "red" });
    expect(warnings.join()).toMatch(/colour/);
  });

  test("completes a run from the registered flow, and pins its version", async () => {
    const t = testApp();
    await t.app.registry.register({ name: "load", command: "a" }, "2026-11-21T12:00:00.000Z");
    await t.app.registry.register({ name: "load", command: "b" }, "2026-11-21T12:00:00.000Z");
    const newest = await submit(t.app, { flow: "load" });
    expect(newest.run.flow).toEqual({ name: "load", version: 2 });
    const older = await submit(t.app, { flow: { name: "load", version: 1 } });
    expect((await t.app.store.body(older.run.id))?.request?.flow.command).toBe("a");
  });

  test("survives the loss of its message", async () => {
    const t = testApp();
    await submit(t.app, REQUEST);
    const [lost] = await t.queue.receive(1);
    await t.queue.done([lost?.receipt ?? ""]);
    t.clock.pass(120_000);
    await poll(t.app);
    expect(await t.queue.counts()).toMatchObject({ ready: 1 });
  });
});

describe("rerun", () => {
  test("submits the same request as a new run, which starts at once", async () => {
    const t = testApp();
    await submit(t.app, { ...REQUEST, scheduled_start_time: "2030-01-01T00:00:00Z" });
    const { run, created } = await rerun(t.app, "r1");
    expect(created).toBe(true);
    expect(run.id).not.toBe("r1");
    expect(run.state).toMatchObject({ start: "2026-11-21T12:00:00.000Z" });
  });

  test("works for a run whose message was abandoned", async () => {
    const t = testApp();
    await abandon(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    expect((await rerun(t.app, "r1")).run.flow.name).toBe("load");
  });

  test("of what was no JSON object says that it cannot", async () => {
    const t = testApp();
    await dispatch(t.app, { id: "bad", body: "{oops" });
    await expect(rerun(t.app, "bad")).rejects.toThrow(/not a JSON object/);
  });

  test("of a run nobody knows says so", async () => {
    await expect(rerun(testApp().app, "ghost")).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("abandon", () => {
  test("stores an unknown run as crashed with its body", async () => {
    const t = testApp();
    await abandon(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    expect(await t.app.store.get("r1")).toMatchObject({
      flow: { name: "load" },
      state: { type: "crashed", cause: { type: "abandoned" } },
    });
    expect((await t.app.store.body("r1"))?.received).toEqual(REQUEST);
  });

  test.each([
    ["{oops", "bad", "{oops"],
    ['{"run_id":"ghost"}', "ghost", { run_id: "ghost" }],
  ])("stores %s too, so that nothing is lost without a trace", async (body, id, received) => {
    const t = testApp();
    await abandon(t.app, { id: "bad", body });
    expect(await t.app.store.get(id)).toMatchObject({ state: { cause: { type: "abandoned" } } });
    expect((await t.app.store.body(id))?.received).toEqual(received);
  });

  test("keeps what the store takes of a body over the limit, and says how large it was", async () => {
    const t = testApp();
    const body = { ...REQUEST, parameters: { text: "x".repeat(300_000) } };
    await abandon(t.app, { id: "m", body: JSON.stringify(body) });
    expect(await t.app.store.get("r1")).toMatchObject({
      state: {
        cause: { type: "abandoned", message: expect.stringMatching(/60\d{4} bytes to store/) },
      },
    });
    expect(await t.app.store.body("r1")).toEqual({
      received: expect.stringMatching(/cut from 300\d{3} characters/),
    });
  });

  test("ends a run that was not launched", async () => {
    const t = testApp();
    t.setAgents();
    await dispatch(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    await abandon(t.app, { id: "m", body: '{"run_id":"r1"}' });
    expect((await t.app.store.get("r1"))?.state).toMatchObject({ type: "crashed" });
    await abandon(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    expect((await t.app.store.get("r1"))?.revision).toBe(2);
  });

  test.each([
    ["another request", { ...REQUEST, parameters: { whose: "theirs" } }],
    ["a request with faults", { ...REQUEST, labels: 3 }],
  ])("leaves a run alone when %s with its id is dead", async (_, body) => {
    const t = testApp();
    t.setAgents();
    await dispatch(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    await abandon(t.app, { id: "other", body: JSON.stringify(body) });
    expect((await t.app.store.get("r1"))?.state).toMatchObject({ type: "waiting" });
    expect(t.lines).toContainEqual({
      level: "warn",
      message: "message ignored: another request has its run id",
      fields: { runId: "r1" },
    });
  });

  test("leaves a launched run to the tick", async () => {
    const t = testApp();
    await dispatch(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    await abandon(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    expect((await t.app.store.get("r1"))?.state.type).toBe("submitted");
  });

  test("reads again when it loses the race against a launch", async () => {
    const t = testApp();
    await submit(t.app, REQUEST);
    const { store } = t.app;
    let raced = false;
    const racing = {
      ...store,
      get: async (id: string) => {
        const run = await store.get(id);
        if (!raced) {
          raced = true;
          await dispatch(t.app, { id: "m", body: '{"run_id":"r1"}' });
        }
        return run;
      },
    };
    await abandon({ ...t.app, store: racing }, { id: "m", body: '{"run_id":"r1"}' });
    expect((await store.get("r1"))?.state.type).toBe("submitted");
  });
});
