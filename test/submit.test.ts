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
