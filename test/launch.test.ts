import { describe, expect, test } from "vitest";
import { cancel } from "../src/cancel.ts";
import { dispatch } from "../src/dispatch.ts";
import { observe } from "../src/observe.ts";
import { poll } from "../src/poll.ts";
import { RELAUNCH_LIMIT_MS } from "../src/take-over.ts";
import { MINUTE, SECOND } from "../src/time.ts";
import { type TestApp, testApp } from "./fakes/app.ts";

const REQUEST = { run_id: "r1", flow: { name: "load", command: "true" } };

async function deliver({ app }: TestApp, body: object = REQUEST) {
  await dispatch(app, { id: "m", body: JSON.stringify(body) });
}

/** Ticks, and handles what the tick has sent. */
async function tick(t: TestApp) {
  await poll(t.app);
  for (const message of await t.queue.receive(100)) {
    await dispatch(t.app, message);
    await t.queue.done([message.receipt]);
  }
}

async function stateOf({ app }: TestApp, id = "r1") {
  return (await app.store.get(id))?.state;
}

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
    expect(asked).toEqual([55 * SECOND]);
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
      const { PermanentError } = await import("../src/errors.ts");
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
    const { PermanentError } = await import("../src/errors.ts");
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
