import { describe, expect, test } from "vitest";
import { cancel } from "../src/cancel.ts";
import { dispatch } from "../src/dispatch.ts";
import { explainRequest, explainRun } from "../src/explain.ts";
import { poll } from "../src/poll.ts";
import type { RunState } from "../src/run.ts";
import { type TestApp, testApp } from "./fakes/app.ts";

const FLOW = { name: "load", command: "true" };

async function start(t: TestApp, body: object = {}) {
  await dispatch(t.app, { id: "m", body: JSON.stringify({ run_id: "r1", flow: FLOW, ...body }) });
}

describe("explain of a request", () => {
  test("names the agent it would go to and what each agent says", async () => {
    const t = testApp();
    t.setAgents({ name: "dev", labels: ["dev"] }, { name: "open" });
    expect(await explainRequest(t.app, { flow: FLOW })).toEqual({
      because: "goes to open, the first agent in sluice.yml that takes it",
      agent: "open",
      wanted: { backend: "any", labels: [] },
      agents: [
        {
          agent: "dev",
          backend: "test",
          labels: ["dev"],
          takes: false,
          missing: [],
          otherBackend: false,
          unlabelled: true,
        },
        {
          agent: "open",
          backend: "test",
          labels: [],
          takes: true,
          missing: [],
          otherBackend: false,
          unlabelled: false,
        },
      ],
      warnings: [],
    });
  });

  test("says why no agent takes it", async () => {
    const t = testApp();
    const { because, agent } = await explainRequest(t.app, {
      flow: FLOW,
      run_config: { type: "ECSRun", labels: ["gpu"] },
    });
    expect(agent).toBeUndefined();
    expect(because).toBe(
      "no agent takes the ecs run [gpu]; nearest is here without labels: its backend is test and it lacks gpu",
    );
  });
});

describe("explain of a run", () => {
  async function because(t: TestApp): Promise<string> {
    return (await explainRun(t.app, "r1")).because;
  }

  test("that is scheduled tells its start", async () => {
    const t = testApp();
    await start(t, { scheduled_start_time: "2026-11-22T12:00:00Z" });
    expect(await explainRun(t.app, "r1")).toMatchObject({
      because: "starts at 2026-11-22T12:00:00.000Z",
      nextTry: "2026-11-22T12:00:00.000Z",
    });
  });

  test("that waits tells for what, and when an agent has come to fit", async () => {
    const t = testApp();
    t.setAgents();
    await start(t);
    expect(await because(t)).toBe(
      "no agent takes the run without labels: sluice.yml has no agents",
    );
    t.setAgents({});
    expect(await because(t)).toBe("an agent fits now: it goes with the next tick");
  });

  test("that waits for room tells what the platform said and when it is tried again", async () => {
    const t = testApp();
    t.platform.behave({ type: "refuse" });
    await start(t);
    expect(await explainRun(t.app, "r1")).toMatchObject({
      because: "no room",
      nextTry: "2026-11-21T12:00:05.000Z",
    });
  });

  test("tells of every other state what is happening", async () => {
    const t = testApp();
    const during: string[] = [];
    t.platform.during(async () => {
      during.push(await because(t));
      await cancel(t.app, "r1");
      during.push(await because(t));
    });
    await start(t);
    expect(during).toEqual([
      "agent here is launching it (launch 1 at here)",
      "cancelled while it was being launched: its job is looked for",
    ]);
    const other = testApp();
    await start(other);
    expect(await because(other)).toMatch(/^agent here has launched .*, which has not started yet$/);
    other.platform.set("r1", { type: "running" });
    await poll(other.app);
    expect(await because(other)).toMatch(/^agent here runs it as /);
    await cancel(other.app, "r1");
    expect(await because(other)).toMatch(/^agent here has asked .* to stop$/);
    const cause = { type: "exit", message: "exit code 3", exitCode: 3 } as const;
    other.platform.set("r1", { type: "ended", end: "failed", cause });
    await poll(other.app);
    expect(await because(other)).toBe(
      "failed: exit code 3" satisfies `${RunState["type"]}: ${string}`,
    );
  });

  test("that is tried again after a failure tells what went wrong", async () => {
    const t = testApp();
    t.platform.behave({ type: "request lost" });
    await start(t);
    expect(await because(t)).toBe(
      "agent here tries launch 1 again at 2026-11-21T12:00:05.000Z: socket hang up",
    );
  });

  test("whose job waits tells in the platform's words for what, and stores nothing", async () => {
    const t = testApp();
    await start(t);
    t.platform.set("r1", { type: "pending", detail: "Unschedulable: 0/3 nodes are available" });
    const before = await t.app.store.get("r1");
    expect(await because(t)).toMatch(
      /has not started yet: Unschedulable: 0\/3 nodes are available$/,
    );
    expect(await t.app.store.get("r1")).toEqual(before);
    const cause = { type: "exit", message: "exit code 3", exitCode: 3 } as const;
    t.platform.set("r1", { type: "ended", end: "failed", cause });
    expect(await because(t)).toMatch(/which has not started yet$/);
    expect(await t.app.store.get("r1")).toEqual(before);
  });

  test("whose platform cannot be asked says so, and does not wait for it", async () => {
    const t = testApp();
    await start(t);
    t.platform.fail("inspect", new Error("nobody answers"));
    expect(await because(t)).toMatch(
      /yet; its platform could not be asked for more: nobody answers$/,
    );
    const inspect = () => new Promise<never>(() => undefined);
    const silent = { ...t.app, timeout: () => AbortSignal.abort() };
    const backend = { ...t.platform.backend, inspect };
    const { because: said } = await explainRun({ ...silent, backend: async () => backend }, "r1");
    expect(said).toMatch(/could not be asked for more: no answer within 5 seconds$/);
  });

  test("at a remote agent's is not asked about from elsewhere", async () => {
    const t = testApp();
    await start(t);
    t.platform.set("r1", { type: "pending", detail: "created" });
    const { because: said } = await explainRun({ ...t.app, place: "elsewhere" }, "r1");
    expect(said).toMatch(/which has not started yet$/);
  });

  test("whose agent is gone from sluice.yml says that", async () => {
    const t = testApp();
    await start(t);
    t.setAgents();
    expect(await because(t)).toMatch(/; agent here is no longer in sluice.yml: put it back/);
  });

  test("nobody knows says so", async () => {
    await expect(explainRun(testApp().app, "ghost")).rejects.toMatchObject({ code: "not_found" });
  });
});
