import { describe, expect, test } from "vitest";
import { plan, planLine } from "../src/plan.ts";
import { testAgent, testApp } from "./fakes/app.ts";

const FLOW = { name: "load", command: "true" };

describe("plan", () => {
  test("answers with the agent, the backend and what would be launched, and launches nothing", async () => {
    const t = testApp();
    const run_config = { type: "UniversalRun", env: { A: "1", TOKEN: "secret" } };
    expect(await plan(t.app, { flow: FLOW, run_config })).toEqual({
      ok: true,
      agent: "here",
      backend: "test",
      warnings: [],
      launch: { env: { A: "1", TOKEN: "***" } },
    });
    expect(t.platform.started).toEqual([]);
    expect((await t.app.store.list({})).items).toEqual([]);
  });

  test("names the run as the message does", async () => {
    const t = testApp();
    const { backend } = t.platform;
    const asked: unknown[] = [];
    const spy: typeof backend.plan = async (request) => {
      asked.push(request.run);
      return backend.plan(request);
    };
    const app = {
      ...t.app,
      agents: t.app.agents,
      backend: async () => ({ ...backend, plan: spy }),
    };
    await plan(app, { run_id: "r1", name: "mine", flow: FLOW, parameters: { day: 1 } });
    await plan(app, { run_id: "r1", flow: FLOW });
    expect(asked).toEqual([
      { id: "r1", name: "mine", parameters: { day: 1 } },
      { id: "r1", name: expect.stringMatching(/^[a-z]+-[a-z]+$/), parameters: {} },
    ]);
  });

  test("shows secrets when asked to", async () => {
    const run_config = { type: "UniversalRun", env: { TOKEN: "secret" } };
    const answer = await plan(testApp().app, { flow: FLOW, run_config }, { showSecrets: true });
    expect(answer).toMatchObject({ launch: { env: { TOKEN: "secret" } } });
  });

  test("uses the agent that the request brings, alone, and by the label rule", async () => {
    const t = testApp();
    const app = {
      ...t.app,
      agents: t.app.agents,
      agentFrom: async () => testAgent({ name: "inline", labels: ["x"] }),
    };
    const agent = { backend: "test", labels: ["x"] };
    expect(await plan(app, { flow: FLOW, agent })).toMatchObject({
      ok: false,
      error: { code: "no_agent" },
    });
    expect(await plan(app, { flow: FLOW, agent, labels: ["x"] })).toMatchObject({
      ok: true,
      agent: "inline",
      warnings: [],
    });
  });

  test("answers a request with faults with all of them", async () => {
    const answer = await plan(testApp().app, {
      flow: FLOW,
      run_config: { type: "ECSRun", cpu: 1024, memory: [] },
    });
    expect(answer).toMatchObject({
      ok: false,
      error: {
        code: "invalid",
        issues: [{ path: "run_config.cpu" }, { path: "run_config.memory" }],
      },
    });
  });

  test("answers a line that is not JSON", async () => {
    expect(await planLine(testApp().app, "{oops")).toMatchObject({
      ok: false,
      error: { code: "invalid", message: "the line is not JSON: send one JSON object a line" },
    });
    expect(await planLine(testApp().app, JSON.stringify({ flow: FLOW }))).toMatchObject({
      ok: true,
    });
  });

  test("answers a line with a number that would silently become another one", async () => {
    const line = '{"flow":{"name":"a","command":"true"},"parameters":{"x":1e400}}';
    expect(await planLine(testApp().app, line)).toMatchObject({
      ok: false,
      error: { code: "invalid", message: expect.stringContaining("got 1e400: write it as text") },
    });
  });

  test("marks a failure of ours as internal, so that nobody takes it for a refusal", async () => {
    const t = testApp();
    t.platform.fail("plan", new Error("boom"));
    expect(await plan(t.app, { flow: FLOW })).toEqual({
      ok: false,
      error: { code: "internal", message: "boom", issues: [] },
    });
  });
});
