import { describe, expect, test } from "vitest";
import { cancel } from "../../src/cancel.ts";
import { RELAUNCH_LIMIT_MS } from "../../src/dispatch/take-over.ts";
import { dispatch } from "../../src/dispatch.ts";
import { MINUTE, SECOND } from "../../src/time.ts";
import { type TestApp, testApp } from "../fakes/app.ts";
import { deliver, REQUEST, stateOf, tick } from "../fakes/one-run.ts";

/** On a platform that knows no keys and shows new jobs late, as Vertex AI. */
describe("a launch that was left open", () => {
  async function leftOpen() {
    const t = testApp();
    t.platform.knowKeys(false);
    t.platform.showJobs(false);
    t.platform.behave({ type: "answer lost" }, { type: "throttle" }, { type: "unavailable" });
    await deliver(t);
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({
      type: "launching",
      open: true,
      detail: "asked too often",
    });
    return t;
  }

  test("is looked for before every try, whatever was answered meanwhile", async () => {
    const t = await leftOpen();
    t.clock.pass(MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching", detail: "nobody answers" });
    t.platform.showJobs(true);
    t.clock.pass(MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("is not ended by a refusal as long as its job may show", async () => {
    const t = testApp();
    t.platform.showJobs(false);
    t.platform.behave({ type: "answer lost" }, { type: "reject" });
    await deliver(t);
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching", open: true });
    t.platform.showJobs(true);
    t.clock.pass(MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
  });

  test("is ended by a refusal when its job would have shown", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" }, { type: "reject" }, { type: "reject" });
    await deliver(t);
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching" });
    t.clock.pass(5 * MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "crashed", cause: { type: "rejected" } });
  });

  test("stays with its agent when another one comes before it", async () => {
    const t = await leftOpen();
    t.setAgents({ name: "newer" }, {});
    t.platform.showJobs(true);
    t.clock.pass(MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", agent: "here", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("is looked for, and its job stopped, when its run is cancelled", async () => {
    const t = await leftOpen();
    await cancel(t.app, "r1");
    expect(await stateOf(t)).toMatchObject({ type: "cancelling" });
    t.platform.showJobs(true);
    t.clock.pass(MINUTE);
    await tick(t);
    expect(t.platform.cancelled).toEqual(["here/r1/1"]);
  });
});

describe("a launch whose handler died", () => {
  /** Leaves the run `launching`, as a handler does that is killed before or after the effect. */
  async function died(t: TestApp, { started }: { readonly started: boolean }) {
    const crash = new Error("killed");
    const store = {
      ...t.app.store,
      transition: async () => {
        throw crash;
      },
    };
    t.platform.behave(started ? { type: "launch" } : { type: "request lost" });
    await expect(
      dispatch({ ...t.app, store }, { id: "m", body: JSON.stringify(REQUEST) }),
    ).rejects.toThrow("killed");
    expect(await stateOf(t)).toMatchObject({ type: "launching" });
  }

  test("is left alone within its lease, even if its message comes again", async () => {
    const t = testApp();
    await died(t, { started: false });
    t.clock.pass(59 * SECOND);
    await deliver(t);
    await tick(t);
    expect(t.platform.started).toEqual([]);
  });

  test("and that nobody took over for half an hour is not made any more", async () => {
    const t = testApp();
    await died(t, { started: false });
    t.clock.pass(RELAUNCH_LIMIT_MS + MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      cause: {
        type: "lost",
        message: "no job was found for half an hour after its launch was begun",
      },
    });
  });

  test("is adopted after its lease if the job was started", async () => {
    const t = testApp();
    await died(t, { started: true });
    t.clock.pass(61 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("is made after its lease if no job is found", async () => {
    const t = testApp();
    await died(t, { started: false });
    t.clock.pass(61 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("is taken over by one of many", async () => {
    const t = testApp();
    await died(t, { started: false });
    t.clock.pass(61 * SECOND);
    await Promise.all(Array.from({ length: 20 }, () => deliver(t, { run_id: "r1" })));
    expect(t.platform.started).toHaveLength(1);
  });

  test("ends as lost when its agent has moved, for elsewhere the key protects nothing", async () => {
    const t = testApp();
    await died(t, { started: false });
    t.platform.moveTo("elsewhere");
    t.clock.pass(61 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      cause: {
        type: "lost",
        message: "its launch was begun at here, and agent here now works at elsewhere",
      },
    });
    expect(t.platform.started).toEqual([]);
  });

  test("stays open while its agent is missing from sluice.yml", async () => {
    const t = testApp();
    await died(t, { started: true });
    t.setAgents();
    t.clock.pass(61 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching" });
    expect(t.lines.at(-1)?.fields["reason"]).toMatch(/agent here is no longer in sluice.yml/);
    t.setAgents({});
    t.clock.pass(10 * MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
  });

  test("stays open while the platform cannot be searched", async () => {
    const t = testApp();
    await died(t, { started: true });
    t.platform.fail("find", new Error("timeout"));
    t.clock.pass(61 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching" });
    t.platform.fail("find", undefined);
    t.clock.pass(RELAUNCH_LIMIT_MS);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
  });

  describe("whose platform cannot be searched for long", () => {
    const DENIED = "403: may not list jobs";

    /** Ticks every ten minutes while the platform lets nobody look for jobs. */
    async function unsearchable(t: TestApp, hours: number) {
      t.platform.fail("find", new Error(DENIED));
      for (let ticks = 0; ticks < hours * 6; ticks++) {
        t.clock.pass(10 * MINUTE);
        await tick(t);
      }
    }

    test("ends as lost after a day, says why, and is not made again", async () => {
      const t = testApp();
      await died(t, { started: true });
      await unsearchable(t, 24);
      expect(await stateOf(t)).toMatchObject({ type: "launching", detail: DENIED });
      await unsearchable(t, 1);
      const ended = await stateOf(t);
      expect(ended).toEqual({
        type: "crashed",
        agent: "here",
        target: "here",
        launch: 1,
        cause: {
          type: "lost",
          message: `for 24 hours nobody could find out whether its launch has a job, which may be running; the last try: ${DENIED}`,
        },
      });
      t.platform.fail("find", undefined);
      await deliver(t, { run_id: "r1" });
      await deliver(t);
      t.clock.pass(10 * MINUTE);
      await tick(t);
      expect(await stateOf(t)).toEqual(ended);
      expect(t.platform.started).toHaveLength(1);
    });

    test("is adopted if its job is found within that day", async () => {
      const t = testApp();
      await died(t, { started: true });
      await unsearchable(t, 23);
      t.platform.fail("find", undefined);
      t.clock.pass(10 * MINUTE);
      await tick(t);
      expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    });

    test("is not lost because nobody tried for a day", async () => {
      const t = testApp();
      await died(t, { started: true });
      t.clock.pass(48 * 60 * MINUTE);
      await unsearchable(t, 1);
      expect(await stateOf(t)).toMatchObject({ type: "launching" });
    });

    test("counts anew from every look that succeeds", async () => {
      const t = testApp();
      await died(t, { started: false });
      t.platform.fail("find", new Error(DENIED));
      t.clock.pass(2 * MINUTE);
      await tick(t);
      t.platform.fail("find", undefined);
      t.platform.behave({ type: "request lost" });
      t.clock.pass(5 * MINUTE);
      await tick(t);
      expect(await stateOf(t)).toMatchObject({ type: "launching", detail: "socket hang up" });
      expect(await stateOf(t)).not.toHaveProperty("unsearchedSince");
      t.clock.pass(24 * 60 * MINUTE);
      await unsearchable(t, 1);
      expect(await stateOf(t)).toMatchObject({ type: "launching" });
    });

    test("takes no refusal of a look for one of the launch", async () => {
      const { PermanentError } = await import("../../src/errors.ts");
      const t = testApp();
      await died(t, { started: true });
      t.platform.fail("find", new PermanentError("forbidden", DENIED));
      t.clock.pass(10 * MINUTE);
      await tick(t);
      expect(await stateOf(t)).toMatchObject({ type: "launching", detail: DENIED });
      t.platform.fail("find", undefined);
      t.clock.pass(10 * MINUTE);
      await tick(t);
      expect(await stateOf(t)).toMatchObject({ type: "submitted" });
    });
  });

  test("that left two jobs behind adopts the first and says so loudly", async () => {
    const t = testApp();
    await died(t, { started: true });
    const { backend } = t.platform;
    const find: typeof backend.find = async (key) => {
      const [job] = await backend.find(key);
      return job === undefined ? [] : [job, { ...job, id: "second" }];
    };
    t.clock.pass(61 * SECOND);
    const app = { ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, find }) };
    await dispatch(app, { id: "m", body: '{"run_id":"r1"}' });
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
    expect(t.lines.map(({ message }) => message)).toContain("several jobs found for one launch");
  });

  test("is ended if planning it again is refused, once its job would have shown", async () => {
    const { PermanentError } = await import("../../src/errors.ts");
    const t = testApp();
    await died(t, { started: false });
    t.platform.fail("plan", new PermanentError("forbidden", "not any more"));
    t.clock.pass(61 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching", detail: "not any more" });
    t.clock.pass(5 * MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      cause: { type: "invalid", message: "not any more" },
    });
  });
});
