import { describe, expect, test } from "vitest";
import { abandon } from "../src/abandon.ts";
import type { App } from "../src/app.ts";
import { cancel } from "../src/cancel.ts";
import { dispatch } from "../src/dispatch.ts";
import { poll } from "../src/poll.ts";
import { registerFlow } from "../src/register.ts";
import type { RunState } from "../src/run.ts";
import { submit } from "../src/submit.ts";
import { MINUTE, SECOND } from "../src/time.ts";
import { type TestApp, testApp } from "./fakes/app.ts";
import { deliver, stateOf } from "./fakes/one-run.ts";

const FLOW = { name: "nightly-load", command: "true" };

function message(body: unknown, id = "m-1") {
  return { id, body: typeof body === "string" ? body : JSON.stringify(body) };
}

/** An app that remembers what launches were for: a parameter of the run, and the command of its flow. */
function listening(): TestApp & { readonly launched: readonly string[] } {
  const launched: string[] = [];
  const t = testApp({
    backend: async () => {
      const { backend } = t.platform;
      return {
        ...backend,
        async plan(request) {
          const what = `${String(request.run.parameters["whose"])} ${String(request.flow.command)}`;
          return { ...(await backend.plan(request)), launch: { what } };
        },
        launch(plan, key, signal) {
          launched.push(String(plan.launch["what"]));
          return backend.launch(plan, key, signal);
        },
      };
    },
  });
  return { ...t, launched };
}

describe("dispatch of a new run", () => {
  test("launches it on the agent that takes it, with three writes in all", async () => {
    const t = testApp();
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    const run = await t.app.store.get("r1");
    expect(run?.state).toMatchObject({
      type: "submitted",
      agent: "here",
      target: "here",
      launch: 1,
    });
    expect(t.platform.started).toEqual([{ runId: "r1", launch: 1, target: "here" }]);
    // The body, the head as launching, and the head as submitted.
    expect(run?.revision).toBe(2);
    expect(t.changes.map(({ from, run: { state } }) => [from, state.type])).toEqual([
      [undefined, "launching"],
      ["launching", "submitted"],
    ]);
  });

  test("names a run without an id after its message, so that a second delivery is the same run", async () => {
    const t = testApp();
    const delivery = message({ flow: FLOW }, "6c9e5ac0-53b1-4c7e-9d24-4cb0d9aeb5dd");
    await dispatch(t.app, delivery);
    await dispatch(t.app, delivery);
    expect(t.platform.started).toHaveLength(1);
    expect(await stateOf(t, "6c9e5ac0-53b1-4c7e-9d24-4cb0d9aeb5dd")).toMatchObject({
      type: "submitted",
    });
  });

  test("makes an id of a message id that could not be one", async () => {
    const t = testApp();
    await dispatch(t.app, message({ flow: FLOW }, "Message/ID with:all sorts"));
    const [key] = t.platform.started;
    expect(key?.runId).toMatch(/^[0-9a-f]{40}$/);
  });

  test("logs what the backend warns of", async () => {
    const t = testApp();
    const { backend } = t.platform;
    const plan: typeof backend.plan = async (request) => ({
      ...(await backend.plan(request)),
      warnings: ["the image has no tag"],
    });
    const app = { ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, plan }) };
    await dispatch(app, message({ run_id: "r1", flow: FLOW }));
    expect(t.lines).toContainEqual({
      level: "warn",
      message: "launch planned",
      fields: { runId: "r1", warning: "the image has no tag" },
    });
  });

  test("names the run and the version of its flow as the message does", async () => {
    const t = testApp();
    await dispatch(t.app, message({ run_id: "r1", name: "mine", flow: { ...FLOW, version: 7 } }));
    expect(await t.app.store.get("r1")).toMatchObject({
      name: "mine",
      flow: { name: "nightly-load", version: 7 },
    });
  });

  test("of a stored run by two handlers at once launches one job", async () => {
    const t = testApp();
    await submit(t.app, { run_id: "r1", flow: FLOW });
    const delivery = message({ run_id: "r1" });
    await Promise.all([dispatch(t.app, delivery), dispatch(t.app, delivery)]);
    expect(t.platform.started).toHaveLength(1);
  });

  test("changes nothing of a run that is on its way or over, whatever its state", async () => {
    const t = testApp();
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    const states: string[] = [];
    const step = async (work: () => Promise<unknown>) => {
      await work();
      const before = await t.app.store.get("r1");
      await dispatch(t.app, message({ run_id: "r1" }));
      expect(await t.app.store.get("r1")).toEqual(before);
      states.push(before?.state.type ?? "");
    };
    await step(async () => undefined);
    t.platform.set("r1", { type: "running" });
    await step(() => poll(t.app));
    await step(() => cancel(t.app, "r1"));
    const cause = { type: "killed", message: "ended by SIGTERM" } as const;
    t.platform.set("r1", { type: "ended", end: "failed", cause });
    await step(() => poll(t.app));
    expect(states).toEqual(["submitted", "running", "cancelling", "cancelled"]);
    expect(t.platform.started).toHaveLength(1);
  });

  test("throws if a stored run has lost its request, for it cannot be launched", async () => {
    const t = testApp();
    t.setAgents();
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    const store = { ...t.app.store, body: async () => undefined };
    await expect(
      dispatch({ ...t.app, agents: t.app.agents, store }, message({ run_id: "r1" })),
    ).rejects.toThrow("run r1 has no stored request");
  });

  test("ends a run whose stored run config has become invalid", async () => {
    const t = testApp();
    t.setAgents();
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    t.setAgents({});
    const { store } = t.app;
    const body: typeof store.body = async (id) => {
      const stored = await store.body(id);
      if (stored?.request === undefined) return stored;
      return { ...stored, request: { ...stored.request, runConfig: { type: "GoneRun" } } };
    };
    const app = { ...t.app, agents: t.app.agents, store: { ...store, body } };
    await dispatch(app, message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "crashed", cause: { type: "invalid" } });
  });

  test("fifty deliveries at once launch one job", async () => {
    const t = testApp();
    const delivery = message({ run_id: "r1", flow: FLOW });
    await Promise.all(Array.from({ length: 50 }, () => dispatch(t.app, delivery)));
    expect(t.platform.started).toHaveLength(1);
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
  });

  describe("another request with the id of a known run is ignored with a warning", () => {
    const ours = { run_id: "r1", flow: FLOW, parameters: { whose: "ours" } };
    const theirs = { ...ours, parameters: { whose: "theirs" } };

    test.each<readonly [string, (t: TestApp) => Promise<unknown>]>([
      ["was launched", ({ app }) => dispatch(app, message(ours))],
      ["was just submitted", ({ app }) => submit(app, ours)],
      [
        "has waited long enough",
        async ({ app, clock, platform }) => {
          platform.behave({ type: "throttle" });
          await dispatch(app, message(ours));
          clock.pass(3_600_000);
        },
      ],
      [
        "was being launched by a handler that died",
        async ({ app, clock, platform }) => {
          platform.behave({ type: "request lost" });
          await dispatch(app, message(ours)).catch(() => undefined);
          clock.pass(120_000);
        },
      ],
    ])("where the run %s", async (_, before) => {
      const t = listening();
      await before(t);
      const run = await t.app.store.get("r1");
      const started = t.platform.started.length;
      await dispatch(t.app, message(theirs, "m-2"));
      expect(t.launched).not.toContain("theirs true");
      expect(t.platform.started).toHaveLength(started);
      expect(await t.app.store.get("r1")).toEqual(run);
      expect(t.lines).toContainEqual({
        level: "warn",
        message: "message ignored: another request has its run id",
        fields: { runId: "r1" },
      });
    });
  });

  test("a message that comes again goes on with the flow as its run was stored, not as it is now", async () => {
    const t = listening();
    await registerFlow(t.app, { name: "load", command: "one" });
    t.platform.behave({ type: "throttle" });
    await dispatch(t.app, message({ run_id: "r1", flow: "load" }));
    await registerFlow(t.app, { name: "load", command: "two" });
    t.clock.pass(3_600_000);
    await dispatch(t.app, message({ run_id: "r1", flow: "load" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
    expect(t.launched).toEqual(["undefined one", "undefined one"]);
  });

  test("a run for later is stored and its message sent with the delay to the second", async () => {
    const t = testApp();
    const start = "2026-11-21T12:10:00.000Z";
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, scheduled_start_time: start }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "scheduled", start });
    expect(await t.queue.counts()).toMatchObject({ ready: 0, delayed: 1 });
    t.clock.pass(599_000);
    expect(await t.queue.receive(1)).toEqual([]);
    t.clock.pass(1_000);
    const [delivery] = await t.queue.receive(1);
    await dispatch(t.app, delivery ?? message(""));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
  });

  test("a run for a time no delay reaches stays in the store until its start is near", async () => {
    const t = testApp();
    const start = "2026-11-22T12:00:00.000Z";
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, scheduled_start_time: start }));
    expect(await t.queue.counts()).toMatchObject({ ready: 0, delayed: 0 });
    await dispatch(t.app, message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "scheduled" });
    t.clock.pass(24 * 3_600_000 - 120_000);
    await poll(t.app);
    expect(await t.queue.counts()).toMatchObject({ delayed: 1 });
  });

  test("a message that comes before the start of its run goes back with a delay", async () => {
    const t = testApp();
    const start = "2026-11-21T12:10:00.000Z";
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, scheduled_start_time: start }));
    await dispatch(t.app, message({ run_id: "r1" }, "early"));
    expect(await t.queue.counts()).toMatchObject({ delayed: 2 });
    expect(t.platform.started).toEqual([]);
  });
});

describe("dispatch while a tick notes that it has sent the message", () => {
  /** The note comes between what the handler reads and what it writes. */
  function racing({ app }: TestApp): App {
    const { store } = app;
    let noted = false;
    const transition: typeof store.transition = async (run, next, write) => {
      if (!noted) {
        noted = true;
        const sent = { ...run.state, sent: write.now } as RunState;
        expect(await store.transition(run, sent, write)).toBeDefined();
      }
      return store.transition(run, next, write);
    };
    return { ...app, agents: app.agents, store: { ...store, transition } };
  }

  test("launches a run that waits", async () => {
    const t = testApp();
    t.platform.behave({ type: "throttle" });
    await deliver(t);
    t.clock.pass(MINUTE);
    await dispatch(racing(t), message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted", launch: 1 });
  });

  test("leaves alone a run that is gone by then", async () => {
    const t = testApp();
    t.setAgents();
    await deliver(t);
    t.setAgents({});
    const { store } = t.app;
    const run = await store.get("r1");
    const found = [run, undefined];
    const gone = { ...store, get: async () => found.shift(), transition: async () => undefined };
    await dispatch({ ...t.app, store: gone }, message({ run_id: "r1" }));
    expect(found).toEqual([]);
    expect(t.platform.started).toEqual([]);
  });

  test("takes a launch over whose lease is past", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" });
    await deliver(t);
    t.clock.pass(5 * MINUTE);
    await dispatch(racing(t), message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted", launch: 1 });
    expect(t.platform.started).toHaveLength(1);
  });
});

describe("dispatch of a message that can never work", () => {
  test.each([
    ["text that is not JSON", "{oops", /not JSON/],
    ["a list", "[1]", /expected an object/],
    [
      "an id that is no number of every reader",
      '{"flow":{"name":"load","command":"true"},"parameters":{"id":12345678901234567890}}',
      /got 12345678901234567890: write it as text/,
    ],
    ["a run without a flow", { run_id: "r1", name: "x" }, /flow/],
    [
      "several faults",
      { flow: FLOW, labels: 3, run_config: { type: "ECSRun", cpu: 1 } },
      /labels.*cpu/,
    ],
    ["a flow nobody knows", { flow: "unheard-of" }, /no flow unheard-of is registered/],
    [
      "a version nobody knows",
      { flow: { name: "unheard-of", version: 7 } },
      /unheard-of version 7/,
    ],
  ])("%s ends as crashed: invalid, with the reason and the body kept", async (_, body, reason) => {
    const t = testApp();
    await dispatch(t.app, message(body, "bad-1"));
    const { items } = await t.app.store.list({});
    expect(items).toHaveLength(1);
    expect(items[0]?.state).toMatchObject({
      type: "crashed",
      cause: { type: "invalid", message: expect.stringMatching(reason) },
    });
    const kept = await t.app.store.body(items[0]?.id ?? "");
    expect(kept).toEqual({ received: body === "[1]" ? [1] : body });
  });

  test("a body over the limit is kept in part and says how large it was", async () => {
    const t = testApp();
    const parameters = { text: "x".repeat(300_000) };
    await dispatch(t.app, message({ run_id: "big", flow: FLOW, parameters }));
    const state = await stateOf(t, "big");
    expect(state).toMatchObject({ type: "crashed", cause: { type: "invalid" } });
    expect((state as { cause: { message: string } }).cause.message).toMatch(
      /60\d\d\d\d bytes to store/,
    );
    const body = await t.app.store.body("big");
    expect(body?.received).toMatch(/cut from 300\d\d\d characters/);
  });

  test("a body over the limit that is delivered again is taken for the same", async () => {
    const t = testApp();
    const parameters = { text: "x".repeat(300_000) };
    const body = message({ run_id: "big", flow: FLOW, parameters });
    await dispatch(t.app, body);
    const run = await t.app.store.get("big");
    await dispatch(t.app, body);
    expect(await t.app.store.get("big")).toEqual(run);
    expect(t.lines).not.toContainEqual(expect.objectContaining({ level: "warn" }));
  });

  test("a body with faults is kept whole where the store takes it", async () => {
    const t = testApp();
    const labels = Array.from({ length: 9_000 }, () => 0);
    const parameters = { text: 'é"'.repeat(40_000) };
    const body = { run_id: "wrong", flow: FLOW, parameters, labels };
    await dispatch(t.app, message(body));
    const kept = await t.app.store.body("wrong");
    expect(kept?.received).toEqual(body);
  });

  test.each(['"', "é", "\u0000", "x"])(
    "a body over the limit is kept in part, whatever it is made of: %j",
    async (text) => {
      const t = testApp();
      const labels = Array.from({ length: 9_000 }, () => 0);
      const parameters = { text: text.repeat(250_000) };
      await dispatch(t.app, message({ run_id: "big", flow: FLOW, labels, parameters }));
      const { received, issues } = (await t.app.store.body("big")) ?? {};
      expect(Buffer.byteLength(JSON.stringify({ received, issues }))).toBeGreaterThan(190_000);
      expect(received).toMatch(/cut from/);
    },
  );

  test("delivered again it changes nothing", async () => {
    const t = testApp();
    await dispatch(t.app, message("{oops", "bad-1"));
    await dispatch(t.app, message("{oops", "bad-1"));
    expect((await t.app.store.list({})).items).toHaveLength(1);
    expect(t.lines.filter(({ level }) => level === "warn")).toEqual([]);
  });

  test("a request the backend refuses beforehand ends the run before anything is launched", async () => {
    const { PermanentError } = await import("../src/errors.ts");
    const t = testApp();
    t.platform.fail("plan", new PermanentError("image", "no image is named"));
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    expect(await stateOf(t, "r1")).toEqual({
      type: "crashed",
      agent: "here",
      cause: { type: "image", message: "no image is named" },
    });
    expect(t.platform.started).toEqual([]);
  });

  test("what hangs while its launch is planned lets the run wait, which says so", async () => {
    const t = testApp();
    const backend = { ...t.platform.backend, plan: () => new Promise<never>(() => undefined) };
    const timers: number[] = [];
    const timeout = (ms: number) => {
      timers.push(ms);
      return AbortSignal.timeout(1);
    };
    const app = { ...t.app, agents: t.app.agents, backend: async () => backend, timeout };
    await dispatch(app, message({ run_id: "r1", flow: FLOW }));
    expect(await stateOf(t, "r1")).toMatchObject({
      type: "waiting",
      message: "agent here cannot plan the launch: no answer within 20 seconds",
    });
    expect(timers).toEqual([20_000]);
  });

  test("a target whose name no state can hold ends the run before anything is launched", async () => {
    const t = testApp();
    t.platform.moveTo("c".repeat(300_000));
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    expect(await stateOf(t, "r1")).toMatchObject({
      type: "crashed",
      cause: { type: "invalid", message: expect.stringMatching(/name of its target/) },
    });
    expect(t.platform.started).toEqual([]);
  });

  test("faults the head has no room for are kept with the body", async () => {
    const t = testApp();
    const labels = Array.from({ length: 50 }, (_, index) => index);
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, labels }));
    const state = await stateOf(t, "r1");
    expect((state as { cause: { message: string } }).cause.message).toMatch(/; … and \d\d more$/);
    const body = await t.app.store.body("r1");
    expect(body?.issues?.map(({ path }) => path)).toEqual(labels.map((index) => `labels.${index}`));
  });

  test("faults no store has room for are kept as far as there is some", async () => {
    const t = testApp();
    const env = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`E_${index}`, {}]));
    const run_config = { type: "LocalRun", env };
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, run_config }));
    const body = await t.app.store.body("r1");
    expect(body?.received).toMatchObject({ run_config });
    expect(body?.issues?.length).toBeGreaterThan(500);
    expect(JSON.stringify(body?.issues).length).toBeLessThanOrEqual(65_536);
  });

  test("a plan that fails for now waits, says why, and is tried later and later", async () => {
    const t = testApp();
    t.platform.fail("plan", new Error("the template store does not answer"));
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    expect(await stateOf(t, "r1")).toMatchObject({
      type: "waiting",
      reason: "agent",
      message: "agent here cannot plan the launch: the template store does not answer",
      tries: 1,
      until: "2026-11-21T12:00:05.000Z",
    });
    t.clock.pass(5 * SECOND);
    await dispatch(t.app, message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ tries: 2, until: "2026-11-21T12:00:15.000Z" });
    t.platform.fail("plan", undefined);
    t.clock.pass(10 * SECOND);
    await dispatch(t.app, message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
  });

  test("a body that fits only by half is refused and kept in part, not delivered for ever", async () => {
    const t = testApp();
    const parameters = { text: '"'.repeat(70_000) };
    await dispatch(t.app, message({ run_id: "half", flow: FLOW, parameters }));
    expect(await stateOf(t, "half")).toMatchObject({ type: "crashed", cause: { type: "invalid" } });
    await dispatch(t.app, message(`{oops ${'"'.repeat(131_072)}`, "quotes"));
    expect(await stateOf(t, "quotes")).toMatchObject({ type: "crashed" });
  });

  test("a registry that does not answer throws, so that the message comes again", async () => {
    const t = testApp();
    const registry = { ...t.app.registry, flow: async () => Promise.reject(new Error("timeout")) };
    await expect(
      dispatch({ ...t.app, registry }, message({ run_id: "r1", flow: "load" })),
    ).rejects.toThrow("timeout");
    expect(await t.app.store.get("r1")).toBeUndefined();
  });

  test("a reference to a run nobody stored ends at once where it can be seen, for it never will be", async () => {
    const t = testApp();
    await dispatch(t.app, message({ run_id: "ghost" }));
    expect(await stateOf(t, "ghost")).toEqual({
      type: "crashed",
      cause: {
        type: "invalid",
        message: "its message names run ghost, and no such run is stored: send the flow with it",
      },
    });
    expect(await t.app.store.body("ghost")).toEqual({ received: { run_id: "ghost" } });
    await dispatch(t.app, message({ run_id: "ghost" }, "again"));
    expect(await t.app.store.get("ghost")).toMatchObject({ revision: 1 });
  });

  test("a reference to a run that is gone is dropped by the host of a remote agent", async () => {
    const t = testApp({ place: "lab" });
    await dispatch(t.app, message({ run_id: "ghost" }));
    await abandon(t.app, message({ run_id: "ghost" }));
    expect(await t.app.store.get("ghost")).toBeUndefined();
  });

  test("a reference whose run is stored at that very moment goes on with it", async () => {
    const t = testApp();
    await submit(t.app, { run_id: "r1", flow: FLOW });
    const { store } = t.app;
    const app = { ...t.app, agents: t.app.agents, store: { ...store, get: async () => undefined } };
    await dispatch(app, message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
  });
});

describe("dispatch of a run that no agent takes", () => {
  test("lets it wait, naming the nearest agent and the labels it lacks", async () => {
    const t = testApp();
    t.setAgents({ name: "prod", labels: ["prod", "eu"] }, { name: "dev", labels: ["dev"] });
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, labels: ["prod", "gpu"] }));
    expect(await stateOf(t, "r1")).toMatchObject({
      type: "waiting",
      reason: "no_agent",
      message: "no agent takes the run [gpu, prod]; nearest is prod [prod, eu]: it lacks gpu",
    });
  });

  test("lets a stored run wait too", async () => {
    const t = testApp();
    t.setAgents();
    await submit(t.app, { run_id: "r1", flow: FLOW });
    await dispatch(t.app, message({ run_id: "r1" }));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "waiting", reason: "no_agent" });
  });

  test("writes nothing when it still waits for the same", async () => {
    const t = testApp();
    t.setAgents();
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    const before = await t.app.store.get("r1");
    await dispatch(t.app, message({ run_id: "r1" }));
    await poll(t.app);
    expect(await t.app.store.get("r1")).toEqual(before);
    expect(await t.queue.counts()).toMatchObject({ ready: 0 });
  });

  test("goes as soon as an agent fits", async () => {
    const t = testApp();
    t.setAgents({ labels: ["a"] });
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW, labels: ["b"] }));
    t.setAgents({ labels: ["a", "b"] });
    await poll(t.app);
    const [delivery] = await t.queue.receive(1);
    await dispatch(t.app, delivery ?? message(""));
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
  });
});

describe("dispatch of a run for a remote agent", () => {
  test("leaves it to that agent's place, which launches it", async () => {
    const t = testApp();
    t.setAgents({ name: "lab", remote: true });
    await dispatch(t.app, message({ run_id: "r1", flow: FLOW }));
    const run = await t.app.store.get("r1");
    expect(run).toMatchObject({ place: "lab", state: { type: "waiting", reason: "agent" } });
    const revision = run?.revision;
    await dispatch(t.app, message({ run_id: "r1" }));
    expect((await t.app.store.get("r1"))?.revision).toBe(revision);
    await dispatch({ ...t.app, place: "lab", agents: t.app.agents }, message({ run_id: "r1" }));
    expect(await t.app.store.get("r1")).toMatchObject({
      place: "lab",
      state: { type: "submitted", agent: "lab" },
    });
  });
});

test("a message nested too deeply ends as invalid, kept as text", async () => {
  const t = testApp();
  const body = `{"run_id":"deep","flow":{"name":"x"},"parameters":${"[".repeat(9_000)}${"]".repeat(9_000)}}`;
  await dispatch(t.app, message(body, "deep"));
  await dispatch(t.app, message(body, "deep"));
  expect(await stateOf(t, "deep")).toMatchObject({ type: "crashed", cause: { type: "invalid" } });
  expect((await t.app.store.body("deep"))?.received).toBe(body);
});
