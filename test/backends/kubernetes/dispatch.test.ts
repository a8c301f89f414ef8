import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { World } from "../../../src/backend.ts";
import { cancel } from "../../../src/cancel.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { isOverIn } from "../../../src/jobs.ts";
import { poll } from "../../../src/poll.ts";
import type { RunState } from "../../../src/run.ts";
import { MINUTE } from "../../../src/time.ts";
import { type TestApp, testApp } from "../../fakes/app.ts";
import { type FakeKubernetes, fakeKubernetes, kubeconfigFor } from "../../fakes/kubernetes.ts";
import { openOn } from "./harness.ts";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await fakeKubernetes();
});
afterEach(() => fake.close());

/** A dispatcher whose one agent works on the fake cluster, with the clock of the dispatcher. */
function dispatcher(options: { [name: string]: string } = {}, world: Partial<World> = {}): TestApp {
  const t: TestApp = testApp({ backend: async () => backend });
  const backend = openOn(fake, options, {
    now: () => t.clock.now(),
    isOver: isOverIn(t.app.store),
    ...world,
  });
  t.setAgents({ name: "cluster", backend: "kubernetes" });
  return t;
}

async function send({ app }: TestApp, id: string, command: string): Promise<void> {
  const flow = { name: "load", command, run_config: { type: "KubernetesRun", image: "etl:1" } };
  await dispatch(app, { id, body: JSON.stringify({ run_id: id, flow }) });
}

async function stateOf({ app }: TestApp, id: string): Promise<RunState | undefined> {
  return (await app.store.get(id))?.state;
}

/** The cluster and the dispatcher work for a minute. */
async function minute(t: TestApp): Promise<void> {
  t.clock.pass(MINUTE);
  fake.advance(1, 60);
  await poll(t.app);
}

describe("a run on Kubernetes", () => {
  const program = JSON.stringify({
    ...(JSON.parse(kubeconfigFor("http://127.0.0.1")) as object),
    users: [{ name: "sluice", user: { exec: { command: "/no/such/program" } } }],
  });

  it.each([
    ["its kubeconfig is not there", { kubeconfig: "/no/such/file" }, {}, "cannot be used: ENOENT"],
    ["it has no such context", { context: "prod" }, {}, "set the agent's context"],
    ["the program for credentials is missing", {}, { secret: async () => program }, "install it"],
    [
      "its token has expired",
      {},
      { secret: async () => kubeconfigFor(fake.url, "expired") },
      "renew them",
    ],
  ])(
    "ends before anything is launched if %s, and says what to do",
    async (_, options, world, words) => {
      const t = dispatcher(options, world);
      await send(t, "r1", "exit 0");
      expect(await stateOf(t, "r1")).toMatchObject({
        type: "crashed",
        cause: { type: "rejected", message: expect.stringContaining(words) },
      });
      expect(fake.store.created).toBe(0);
    },
  );

  it("waits while its cluster cannot be reached", async () => {
    const gone = await fakeKubernetes();
    await gone.close();
    const t = dispatcher({}, { secret: async () => gone.kubeconfig });
    await send(t, "r1", "exit 0");
    expect(await stateOf(t, "r1")).toMatchObject({ type: "waiting", reason: "agent" });
  });

  it("goes on as it is while its cluster takes no credentials, and ends when it does", async () => {
    let token: string | undefined;
    const t = dispatcher({}, { secret: async () => kubeconfigFor(fake.url, token) });
    await send(t, "r1", "exit 0");
    for (let time = 0; time < 5; time++) fake.advance();
    const answer = { status: 401, reason: "Unauthorized" };
    for (let times = 0; times < 20; times++) {
      fake.faults.push({ method: "GET", path: /jobs/, answer });
    }
    for (let tick = 0; tick < 10; tick++) await minute(t);
    expect(await stateOf(t, "r1")).toMatchObject({ type: "submitted" });
    expect(fake.faults).toEqual([]);
    token = undefined;
    await minute(t);
    expect(await stateOf(t, "r1")).toMatchObject({ type: "succeeded" });
  });

  describe("whose kubeconfig leads to another cluster while its launch is open", () => {
    let other: FakeKubernetes;
    let kubeconfig: string;
    let t: TestApp;
    beforeEach(async () => {
      other = await fakeKubernetes();
      kubeconfig = fake.kubeconfig;
      const { app, ...rest } = dispatcher();
      // Opened anew for each call, as each process would.
      const backend = async () =>
        openOn(fake, {}, { now: () => rest.clock.now(), secret: async () => kubeconfig });
      t = { ...rest, app: { ...app, agents: app.agents, backend } };
      fake.faults.push({ method: "POST", path: /jobs/, answer: "lost" });
      await send(t, "r1", "run");
      expect(await stateOf(t, "r1")).toMatchObject({ type: "launching", open: true });
      kubeconfig = other.kubeconfig;
    });
    afterEach(() => other.close());

    async function minutes(count: number): Promise<void> {
      for (let tick = 0; tick < count; tick++) {
        await minute(t);
        for (const message of await t.queue.receive(10)) {
          await dispatch(t.app, message);
          await t.queue.done([message.receipt]);
        }
      }
    }

    it("is launched nowhere else, and goes on when it leads back", async () => {
      await minutes(60);
      expect(await stateOf(t, "r1")).toMatchObject({
        type: "launching",
        detail: expect.stringContaining("put it back"),
      });
      expect(other.store.created).toBe(0);
      kubeconfig = fake.kubeconfig;
      await minutes(10);
      expect(await stateOf(t, "r1")).toMatchObject({ type: "running" });
      expect(fake.store.created).toBe(1);
    });

    it("is not called cancelled while its Job may run on, and is stopped when it leads back", async () => {
      await cancel(t.app, "r1");
      await minutes(60);
      expect(await stateOf(t, "r1")).toMatchObject({ type: "cancelling" });
      kubeconfig = fake.kubeconfig;
      await minutes(5);
      expect(await stateOf(t, "r1")).toMatchObject({ type: "cancelled" });
      expect(fake.store.pods).toEqual([]);
    });
  });

  it("keeps its Job until its end is stored, and loses it an hour later", async () => {
    const t = dispatcher();
    await send(t, "r1", "exit 0");
    await send(t, "r2", "run");
    for (let round = 0; round < 5; round++) await minute(t);
    expect(await stateOf(t, "r1")).toMatchObject({ type: "succeeded" });
    expect(fake.job("sluice-r1-1")).toBeDefined();
    for (let tick = 0; tick < 64; tick++) await minute(t);
    expect(fake.store.jobs.map(({ metadata }) => metadata.name)).toEqual(["sluice-r2-1"]);
  });

  it("is not lost where nobody looked for a week", async () => {
    const t = dispatcher();
    await send(t, "r1", "exit 3");
    for (let day = 0; day < 7; day++) {
      t.clock.pass(24 * 60 * MINUTE);
      fake.advance(1, 86_400);
    }
    await poll(t.app);
    expect(await stateOf(t, "r1")).toMatchObject({ type: "failed", cause: { exitCode: 3 } });
  });
});
