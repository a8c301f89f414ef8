import { describe, expect, test } from "vitest";
import { abandon } from "../src/abandon.ts";
import { dispatch } from "../src/dispatch.ts";
import { poll } from "../src/poll.ts";
import { submit } from "../src/submit.ts";
import { MINUTE } from "../src/time.ts";
import { testApp } from "./fakes/app.ts";
import { deliver, REQUEST, stateOf, tick } from "./fakes/one-run.ts";

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

  test("ends a run that was not launched, once", async () => {
    const t = testApp();
    await submit(t.app, REQUEST);
    await abandon(t.app, { id: "m", body: '{"run_id":"r1"}' });
    expect(await stateOf(t)).toMatchObject({ type: "crashed", cause: { type: "abandoned" } });
    await abandon(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    expect((await t.app.store.get("r1"))?.revision).toBe(2);
  });

  test("ends a run that waits for an agent", async () => {
    const t = testApp();
    t.setAgents();
    await deliver(t);
    await abandon(t.app, { id: "m", body: '{"run_id":"r1"}' });
    expect(await stateOf(t)).toMatchObject({ type: "crashed", cause: { type: "abandoned" } });
  });

  test("ends a run that waits when every message that was sent for it since has failed", async () => {
    const t = testApp();
    t.platform.behave({ type: "throttle" });
    await deliver(t);
    t.clock.pass(MINUTE);
    await poll(t.app);
    await abandon(t.app, { id: "m", body: '{"run_id":"r1"}' });
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      cause: { type: "abandoned", message: expect.stringMatching(/it waited: asked too often/) },
    });
  });

  test("leaves a run alone whose launch was begun since, and only waits for its platform", async () => {
    const t = testApp();
    t.platform.behave({ type: "throttle" });
    await deliver(t);
    await abandon(t.app, { id: "older", body: '{"run_id":"r1"}' });
    expect(await stateOf(t)).toMatchObject({ type: "waiting", reason: "throttled" });
    t.clock.pass(MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
  });

  test("leaves a run alone whose refused launch may have a job all the same", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", started: true });
    await deliver(t);
    t.clock.pass(MINUTE);
    await poll(t.app);
    await abandon(t.app, { id: "m", body: '{"run_id":"r1"}' });
    t.clock.pass(MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test.each([
    ["another request", { ...REQUEST, parameters: { whose: "theirs" } }],
    ["a request with faults", { ...REQUEST, labels: 3 }],
  ])("leaves a run alone when %s with its id is dead", async (_, body) => {
    const t = testApp();
    await submit(t.app, REQUEST);
    await abandon(t.app, { id: "other", body: JSON.stringify(body) });
    expect(await stateOf(t)).toMatchObject({ type: "scheduled" });
    expect(t.lines).toContainEqual({
      level: "warn",
      message: "message ignored: another request has its run id",
      fields: { runId: "r1" },
    });
  });

  test("leaves a launched run to the tick", async () => {
    const t = testApp();
    await deliver(t);
    await abandon(t.app, { id: "m", body: JSON.stringify(REQUEST) });
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
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
