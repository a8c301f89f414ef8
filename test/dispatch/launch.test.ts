import { describe, expect, test } from "vitest";
import { RELAUNCH_LIMIT_MS } from "../../src/dispatch/take-over.ts";
import { observe } from "../../src/observe.ts";
import { MINUTE, SECOND } from "../../src/time.ts";
import { type TestApp, testApp } from "../fakes/app.ts";
import { deliver, stateOf, tick } from "../fakes/one-run.ts";

describe("a launch whose answer is", () => {
  test("refused for good ends the run as rejected", async () => {
    const t = testApp();
    t.platform.behave({ type: "reject" });
    await deliver(t);
    expect(await stateOf(t)).toEqual({
      type: "crashed",
      agent: "here",
      target: "here",
      launch: 1,
      cause: { type: "rejected", message: "the platform will never do that" },
    });
  });

  test("throttled waits with growing delays and then goes on with the same launch", async () => {
    const t = testApp();
    t.platform.behave({ type: "throttle" }, { type: "throttle" });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({
      type: "waiting",
      reason: "throttled",
      tries: 1,
      until: "2026-11-21T12:00:05.000Z",
      pending: { launch: 1 },
    });
    t.clock.pass(4 * SECOND);
    await tick(t);
    expect(t.platform.started).toEqual([]);
    t.clock.pass(SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ tries: 2, until: "2026-11-21T12:00:15.000Z" });
    t.clock.pass(10 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toEqual([{ runId: "r1", launch: 1, target: "here" }]);
  });

  test("no room waits and then makes a new launch, for the old key is used up", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse" });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({ type: "waiting", reason: "capacity" });
    expect(await stateOf(t)).not.toHaveProperty("pending");
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 2 });
  });

  test("no room that takes minutes to change waits for two at least", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", hint: "capacity" });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({ until: "2026-11-21T12:02:05.000Z" });
  });

  test("no, for how it is configured, is believed at the fifth time", async () => {
    const t = testApp();
    t.platform.behave(
      ...Array.from({ length: 9 }, () => ({ type: "refuse", hint: "configuration" }) as const),
    );
    await deliver(t);
    for (let tries = 1; tries < 5; tries++) {
      expect(await stateOf(t)).toMatchObject({ type: "waiting", tries });
      t.clock.pass(15 * MINUTE);
      await tick(t);
    }
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      launch: 5,
      cause: { type: "rejected", message: "no room" },
    });
  });

  test("no, for how it is configured, is not believed sooner because the run has waited for other reasons", async () => {
    const t = testApp();
    const throttles = Array.from({ length: 6 }, () => ({ type: "throttle" }) as const);
    t.platform.behave(...throttles, { type: "refuse", hint: "configuration" });
    await deliver(t);
    for (let tries = 1; tries <= 6; tries++) {
      t.clock.pass(15 * MINUTE);
      await tick(t);
    }
    expect(await stateOf(t)).toMatchObject({ type: "waiting", reason: "capacity", refusals: 1 });
  });

  test("no, for how it is configured, counts on through waits for other reasons", async () => {
    const t = testApp();
    const no = { type: "refuse", hint: "configuration" } as const;
    t.platform.behave(no, { type: "throttle" }, no, no, no, no);
    await deliver(t);
    t.clock.pass(15 * MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ reason: "throttled", refusals: 1 });
    t.setAgents({ labels: ["other"] });
    t.clock.pass(15 * MINUTE);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ reason: "no_agent", refusals: 1 });
    t.setAgents({ labels: ["another"] });
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ reason: "no_agent", refusals: 1 });
    t.setAgents({});
    for (let tries = 0; tries < 4; tries++) {
      t.clock.pass(15 * MINUTE);
      await tick(t);
    }
    expect(await stateOf(t)).toMatchObject({ type: "crashed", cause: { type: "rejected" } });
  });

  test("no is not asked for again sooner because its message comes again", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", hint: "capacity" });
    await deliver(t);
    const before = await t.app.store.get("r1");
    await deliver(t);
    await deliver(t, { run_id: "r1" });
    expect(await t.app.store.get("r1")).toEqual(before);
  });

  test("no, with a job that was stopped, forgets that job", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", started: true, stopped: true });
    await deliver(t);
    const job = { backend: "test", id: "here/r1/1", ref: { runId: "r1" } };
    await observe(t.app, "r1", { launch: 1, job, status: { type: "running" } });
    expect(await stateOf(t)).toMatchObject({ type: "waiting" });
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 2 });
  });

  test("not to be had because nobody answers waits for the agent, saying so", async () => {
    const t = testApp();
    t.platform.behave({ type: "unavailable" });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({
      type: "waiting",
      reason: "agent",
      message: "nobody answers",
      agent: "here",
    });
  });

  test("lost is found again and adopted", async () => {
    const t = testApp();
    t.platform.behave({ type: "answer lost" });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({ type: "launching" });
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("lost before anything was started is asked for again with the same key", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" });
    await deliver(t);
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(t.platform.started).toEqual([{ runId: "r1", launch: 1, target: "here" }]);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
  });

  test("thrown away by the platform for half an hour is never asked for again", async () => {
    const t = testApp();
    t.platform.behave(...Array.from({ length: 100 }, () => ({ type: "request lost" }) as const));
    await deliver(t);
    for (let minute = 0; minute < 40; minute++) {
      t.clock.pass(MINUTE);
      await tick(t);
    }
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      cause: { type: "lost", message: expect.stringContaining("the last try: socket hang up") },
    });
    expect(t.platform.started).toEqual([]);
  });
});

describe("a launch that was refused and has a job all the same", () => {
  test("counts when its job is found before the next one is made", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", started: true });
    await deliver(t);
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("counts when its job tells of itself", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", started: true });
    await deliver(t);
    const job = { backend: "test", id: "here/r1/1", ref: { runId: "r1" } };
    await observe(t.app, "r1", { launch: 1, job, status: { type: "running" } });
    expect(await stateOf(t)).toMatchObject({ type: "running", launch: 1 });
  });

  test("is looked for although no agent took the run for a while", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse", started: true });
    await deliver(t);
    t.setAgents({ labels: ["other"] });
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ reason: "no_agent" });
    t.setAgents({});
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });

  test("is not waited for when its agent is gone", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse" });
    await deliver(t);
    t.setAgents({ name: "other" });
    t.clock.pass(5 * SECOND);
    await tick(t);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", agent: "other", launch: 2 });
  });
});

describe("the lease of a launch", () => {
  const signals = (t: TestApp) => {
    const asked: number[] = [];
    const timeout = (ms: number) => {
      asked.push(ms);
      return new AbortController().signal;
    };
    return { t: { ...t, app: { ...t.app, timeout } }, asked };
  };

  test("ends the effect before somebody else may begin it", async () => {
    const { t, asked } = signals(testApp());
    await deliver(t);
    expect(asked.at(-1)).toBe(55 * SECOND);
  });

  test("counts from when it was taken, however long the look for a job takes", async () => {
    const plain = testApp();
    plain.platform.behave({ type: "request lost" });
    await deliver(plain);
    plain.clock.pass(5 * SECOND);
    const { t, asked } = signals(plain);
    const backend = async () => ({
      ...plain.platform.backend,
      find: async () => {
        plain.clock.pass(40 * SECOND);
        return [];
      },
    });
    await deliver({ ...t, app: { ...t.app, backend } }, { run_id: "r1" });
    expect(asked).toEqual([15 * SECOND]);
  });

  test("that is over before the platform was asked makes no launch", async () => {
    const plain = testApp();
    plain.platform.behave({ type: "request lost" });
    await deliver(plain);
    plain.clock.pass(5 * SECOND);
    const backend = async () => ({
      ...plain.platform.backend,
      find: async () => {
        plain.clock.pass(MINUTE);
        return [];
      },
    });
    await deliver({ ...plain, app: { ...plain.app, backend } }, { run_id: "r1" });
    expect(plain.platform.started).toEqual([]);
    expect(await stateOf(plain)).toMatchObject({ type: "launching", open: true });
  });
});

describe("a launch that waits because its platform did not look at it", () => {
  async function tickAfter(t: TestApp, ms: number) {
    t.clock.pass(ms);
    await tick(t);
  }

  test("may be made after an outage of any length, and survive a lost answer then", async () => {
    const t = testApp();
    t.platform.behave({ type: "unavailable" }, { type: "answer lost" });
    await deliver(t);
    await tickAfter(t, 2 * RELAUNCH_LIMIT_MS);
    expect(await stateOf(t)).toMatchObject({ type: "launching", launch: 1, open: true });
    await tickAfter(t, 5 * SECOND);
    expect(await stateOf(t)).toMatchObject({ type: "submitted" });
    expect(t.platform.started).toHaveLength(1);
  });

  test("goes to where its agent works by then, as a new launch", async () => {
    const t = testApp();
    t.platform.behave({ type: "unavailable" });
    await deliver(t);
    t.platform.moveTo("elsewhere");
    await tickAfter(t, 5 * SECOND);
    expect(await stateOf(t)).toMatchObject({ type: "submitted", target: "elsewhere", launch: 2 });
  });

  test("stays bound to its target if an earlier try was left open", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" }, { type: "throttle" });
    await deliver(t);
    await tickAfter(t, 5 * SECOND);
    t.platform.moveTo("elsewhere");
    await tickAfter(t, 10 * SECOND);
    expect(await stateOf(t)).toMatchObject({
      type: "crashed",
      target: "here",
      cause: { type: "lost" },
    });
    expect(t.platform.started).toEqual([]);
  });

  test("keeps it while it cannot be planned", async () => {
    const t = testApp();
    t.platform.behave({ type: "throttle" });
    await deliver(t);
    t.platform.fail("plan", new Error("no answer"));
    await tickAfter(t, 5 * SECOND);
    expect(await stateOf(t)).toMatchObject({ type: "waiting", tries: 2, pending: { launch: 1 } });
  });
});

describe("a launch whose run was moved meanwhile", () => {
  test("by an event that came before the answer leaves it as it is", async () => {
    const t = testApp();
    t.platform.during(async () => {
      const run = await t.app.store.get("r1");
      if (run === undefined) throw new Error("expected a run");
      const job = { backend: "test", id: "here/r1/1", ref: { runId: "r1" } };
      await observe(t.app, "r1", { launch: 1, job, status: { type: "running" } });
    });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({ type: "running" });
    expect(t.platform.cancelled).toEqual([]);
  });

  test("to its end stops the job that nobody else knows", async () => {
    const t = testApp();
    t.platform.during(async () => {
      const run = await t.app.store.get("r1");
      if (run === undefined) throw new Error("expected a run");
      const cause = { type: "lost", message: "its host is lost" } as const;
      await t.app.store.transition(run, { type: "crashed", cause }, { now: run.since });
    });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({ type: "crashed", cause: { type: "lost" } });
    expect(t.platform.cancelled).toEqual(["here/r1/1"]);
    expect(t.lines).toContainEqual(
      expect.objectContaining({ message: "job stopped: its run is over" }),
    );
  });

  test("to its end by that very job stops nothing", async () => {
    const t = testApp();
    t.platform.during(async () => {
      const job = { backend: "test", id: "here/r1/1", ref: { runId: "r1" } };
      const cause = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
      const status = { type: "ended", end: "succeeded", cause } as const;
      await observe(t.app, "r1", { launch: 1, job, status });
    });
    await deliver(t);
    expect(await stateOf(t)).toMatchObject({ type: "succeeded" });
    expect(t.platform.cancelled).toEqual([]);
  });

  test("by an event of the launch that seemed throttled counts as launched", async () => {
    const t = testApp();
    t.platform.behave({ type: "throttle" });
    await deliver(t);
    const job = { backend: "test", id: "here/r1/1", ref: { runId: "r1" } };
    await observe(t.app, "r1", { launch: 1, job, status: { type: "pending" } });
    expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 1 });
  });
});
