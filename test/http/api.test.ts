import { describe, expect, test } from "vitest";
import type { App } from "../../src/app.ts";
import { dispatch } from "../../src/dispatch.ts";
import { OFFLINE_AFTER_MS } from "../../src/hosts.ts";
import { httpApp, routes } from "../../src/http/app.ts";
import { problemSchema } from "../../src/http/problem.ts";
import { newToken } from "../../src/http/tokens.ts";
import { poll } from "../../src/poll.ts";
import { timestamp } from "../../src/time.ts";
import type { Scope } from "../../src/tokens.ts";
import { testAgent, testApp } from "../fakes/app.ts";

const FLOW = { name: "load", command: "true" };
const T0 = "2026-11-21T12:00:00.000Z";

/** An API with one token of each scope, and a way to call it. */
async function api(overrides: Partial<App> = {}) {
  const t = testApp(overrides);
  const tokens = new Map<Scope, string>();
  for (const scope of ["read", "run", "admin"] as const) {
    const { text, token } = newToken(scope, scope, T0);
    await t.app.tokens.add(token);
    tokens.set(scope, text);
  }
  const hono = httpApp(t.app);
  const call = async (
    method: string,
    path: string,
    options: {
      readonly body?: unknown;
      readonly scope?: Scope | "none";
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) => {
    const { body, scope = "admin", headers = {} } = options;
    const response = await hono.request(`http://localhost${path}`, {
      method,
      headers: {
        host: "localhost:4300",
        ...(scope === "none" ? {} : { authorization: `Bearer ${tokens.get(scope)}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { response, status: response.status, json: text === "" ? undefined : JSON.parse(text) };
  };
  return { ...t, hono, call };
}

/** Checks an answer against the schema its route documents. */
function expectDocumented(operationId: string, status: number, json: unknown): void {
  const route = routes.find((candidate) => candidate.operationId === operationId);
  const schema = route?.responses[status]?.schema;
  expect(schema, `${operationId} ${status}`).toBeDefined();
  expect(schema?.safeParse(json).error?.issues ?? []).toEqual([]);
}

describe("the API", () => {
  const closed = routes.filter(({ scope }) => scope !== "open");

  test.each(closed.map((route) => [route.method, route.path, route] as const))(
    "%s %s asks for a token, even on loopback",
    async (method, path) => {
      const { call } = await api();
      const concrete = path.replaceAll(/:\w+/g, "x");
      const { response, status, json } = await call(method, concrete, { scope: "none" });
      expect(status).toBe(401);
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
      expect(problemSchema.parse(json)).toMatchObject({ status: 401, code: "unauthenticated" });
      const wrong = await call(method, concrete, {
        scope: "none",
        headers: { authorization: "Bearer sluice_wrong" },
      });
      expect(wrong.status).toBe(401);
    },
  );

  test.each(
    closed.filter(({ scope }) => scope === "run").map((route) => [route.method, route.path]),
  )("%s %s is not for a token that may only read", async (method, path) => {
    const { call } = await api();
    const { status, json } = await call(method, path.replaceAll(/:\w+/g, "x"), {
      scope: "read",
      body: {},
    });
    expect(status).toBe(403);
    expect(json.detail).toBe("token read has scope read, and this needs run");
  });

  test("answers health without a token", async () => {
    const { call } = await api();
    expect(await call("GET", "/health", { scope: "none" })).toMatchObject({
      status: 200,
      json: { ok: true },
    });
  });

  test("answers health with one look at one run: whoever asks needs no token", async () => {
    const { app } = testApp();
    const looks: string[] = [];
    const store: App["store"] = {
      ...app.store,
      list: async () => Promise.reject(new Error("lists cost too much")),
      get: async (id) => {
        looks.push(id);
        return undefined;
      },
    };
    const hono = httpApp({ ...app, store });
    const response = await hono.request("/health", { headers: { host: "localhost" } });
    expect(response.status).toBe(200);
    expect(looks).toHaveLength(1);
  });

  test("refuses requests under a foreign name, as a foreign page would send them", async () => {
    const { hono } = await api();
    for (const [host, status] of [
      ["evil.example", 421],
      ["localhost.evil.example:4300", 421],
      ["127.0.0.1:4300", 200],
      ["[::1]:4300", 200],
      ["localhost", 200],
    ] as const) {
      const response = await hono.request("/health", { headers: { host } });
      expect([host, response.status]).toEqual([host, status]);
    }
    const anywhere = httpApp(testApp().app, { hosts: "any" });
    const response = await anywhere.request("/health", { headers: { host: "api.example" } });
    expect(response.status).toBe(200);
  });

  test("describes every operation it serves in OpenAPI 3.1", async () => {
    const { call } = await api();
    const { json } = await call("GET", "/openapi.json", { scope: "read" });
    expect(json.openapi).toBe("3.1.0");
    const described = Object.entries(json.paths as Record<string, object>).flatMap(
      ([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(
      routes
        .map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`)
        .sort(),
    );
    expect(json.paths["/runs"].post.requestBody.content["application/json"].schema).toMatchObject({
      required: ["flow"],
    });
    expect((await call("GET", "/openapi.json", { scope: "none" })).status).toBe(401);
  });

  test("tells an unknown path from a wrong method", async () => {
    const { call } = await api();
    expect(await call("GET", "/nope")).toMatchObject({ status: 404, json: { code: "not_found" } });
    const { response, status } = await call("DELETE", "/runs");
    expect(status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST, GET");
  });

  test.each([
    ["a body that is not JSON", "{oops", {}, 400, "not_json"],
    ["an id that is no number of every reader", '{"x":12345678901234567890}', {}, 422, "invalid"],
    ["another media type", "a: 1", { "content-type": "text/yaml" }, 415, "wrong_media_type"],
    ["no media type", "{}", { "content-type": "" }, 415, "wrong_media_type"],
    ["a body over a mebibyte", JSON.stringify("x".repeat(1_100_000)), {}, 413, "too_large"],
    [
      "a request over the store's limit",
      JSON.stringify({ flow: FLOW, parameters: { x: "x".repeat(300_000) } }),
      {},
      413,
      "too_large",
    ],
    ["a request with faults", '{"flow":{"name":"x","command":3},"labels":1}', {}, 422, "invalid"],
    ["a flow nobody knows", '{"flow":"unheard-of"}', {}, 422, "unknown_flow"],
  ] as const)("refuses %s with a problem document", async (_, body, headers, status, code) => {
    const { call } = await api();
    const { response, json } = await call("POST", "/runs", { body, headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(problemSchema.parse(json)).toMatchObject({ code, status, type: `/problems/${code}` });
  });

  test("tells nothing of a fault of its own, but logs it", async () => {
    const t = testApp();
    const store = { ...t.app.store, get: async () => Promise.reject(new Error("disk on fire")) };
    const hono = httpApp({ ...t.app, store });
    const response = await hono.request("/health", { headers: { host: "localhost" } });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/fire/);
    expect(t.lines.at(-1)).toMatchObject({ level: "error", fields: { reason: "disk on fire" } });
  });
});

describe("runs over the API", () => {
  test("are submitted, shown, followed and cancelled", async () => {
    const t = await api();
    const made = await t.call("POST", "/runs", { body: { run_id: "r1", flow: FLOW, colour: 1 } });
    expect(made).toMatchObject({ status: 202, json: { id: "r1", prefect_state: "Scheduled" } });
    expect(made.json.warnings.join()).toMatch(/colour/);
    expect(made.response.headers.get("location")).toBe("/runs/r1");
    expectDocumented("submitRun", 202, made.json);
    await dispatch(t.app, { id: "m", body: '{"run_id":"r1"}' });
    const shown = await t.call("GET", "/runs/r1", { scope: "read" });
    expect(shown.json).toMatchObject({
      state: "submitted",
      prefect_state: "Submitted",
      agent: "here",
      job: { backend: "test" },
      request: { flow: FLOW, run_config: { type: "UniversalRun" } },
    });
    expectDocumented("getRun", 200, shown.json);
    const cancelled = await t.call("POST", "/runs/r1/cancel");
    expect(cancelled).toMatchObject({ status: 202, json: { state: "cancelling" } });
    expectDocumented("cancelRun", 202, cancelled.json);
    const cause = { type: "killed", message: "ended", exitCode: 143, signal: "SIGTERM" } as const;
    t.platform.set("r1", { type: "ended", end: "failed", cause });
    await poll(t.app);
    const ended = await t.call("GET", "/runs/r1");
    expect(ended.json).toMatchObject({
      state: "cancelled",
      final: true,
      cause: { type: "requested", exit_code: 143, signal: "SIGTERM" },
    });
    expectDocumented("getRun", 200, ended.json);
    const again = await t.call("POST", "/runs/r1/rerun");
    expect(again).toMatchObject({ status: 202, json: { state: "scheduled" } });
    expectDocumented("rerunRun", 202, again.json);
  });

  test("with the same id and content are the same, with other content a conflict", async () => {
    const { call } = await api();
    const body = { run_id: "r1", flow: FLOW };
    await call("POST", "/runs", { body });
    const again = await call("POST", "/runs", { body });
    expect(again).toMatchObject({ status: 200, json: { id: "r1" } });
    expectDocumented("submitRun", 200, again.json);
    expect(await call("POST", "/runs", { body: { ...body, name: "x" } })).toMatchObject({
      status: 409,
      json: { code: "conflict" },
    });
  });

  test("sent twenty times at once with one Idempotency-Key are one run", async () => {
    const { app, call } = await api();
    const send = () =>
      call("POST", "/runs", { body: { flow: FLOW }, headers: { "idempotency-key": "k" } });
    const answers = await Promise.all(Array.from({ length: 20 }, send));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
    expect((await app.store.list({})).items).toHaveLength(1);
    const other = { flow: { ...FLOW, command: "false" } };
    expect(
      await call("POST", "/runs", { body: other, headers: { "idempotency-key": "k" } }),
    ).toMatchObject({ status: 409 });
    const someoneElse = await call("POST", "/runs", {
      body: other,
      scope: "run",
      headers: { "idempotency-key": "k" },
    });
    expect(someoneElse.status).toBe(202);
  });

  test("are listed in pages, by filters", async () => {
    const { call } = await api();
    for (const id of ["a", "b", "c"]) {
      await call("POST", "/runs", { body: { run_id: id, flow: { ...FLOW, name: `flow-${id}` } } });
    }
    const first = await call("GET", "/runs?limit=2", { scope: "read" });
    expect(first.json.items).toHaveLength(2);
    expectDocumented("listRuns", 200, first.json);
    const rest = await call("GET", `/runs?limit=2&cursor=${encodeURIComponent(first.json.next)}`);
    expect(rest.json.items).toHaveLength(1);
    expect(rest.json.next).toBeUndefined();
    expect((await call("GET", "/runs?flow=flow-b")).json.items).toMatchObject([{ id: "b" }]);
    expect(await call("GET", "/runs?state=lost&limit=0")).toMatchObject({
      status: 422,
      json: { issues: [{ path: "state" }, { path: "limit" }] },
    });
  });

  test("are listed as far back as the store has looked, and that is said", async () => {
    const { app } = testApp();
    const list = async () => ({ items: [], next: "c", lookedBackTo: T0 });
    const { call } = await api({ store: { ...app.store, list } });
    const { json } = await call("GET", "/runs?search=rare", { scope: "read" });
    expect(json).toEqual({ items: [], next: "c", looked_back_to: T0 });
    expectDocumented("listRuns", 200, json);
  });

  test("nobody knows are not found, whatever is asked of them", async () => {
    const { call } = await api();
    for (const [method, path] of [
      ["GET", "/runs/ghost"],
      ["POST", "/runs/ghost/cancel"],
      ["POST", "/runs/ghost/rerun"],
      ["GET", "/runs/ghost/logs"],
    ] as const) {
      expect(await call(method, path)).toMatchObject({ status: 404, json: { code: "not_found" } });
    }
  });

  test("show what was received when it could not be read", async () => {
    const t = await api();
    await dispatch(t.app, { id: "bad", body: "{oops" });
    const { json } = await t.call("GET", "/runs/bad");
    expect(json).toMatchObject({ state: "crashed", received: "{oops", cause: { type: "invalid" } });
    expectDocumented("getRun", 200, json);
  });
});

describe("logs over the API", () => {
  async function started() {
    const t = await api();
    await t.call("POST", "/runs", { body: { run_id: "r1", flow: FLOW } });
    return t;
  }

  test("of a run without a job are empty, and complete once it has ended", async () => {
    const t = await started();
    const before = await t.call("GET", "/runs/r1/logs");
    expect(before.json).toEqual({ lines: [], next: "", complete: false });
    expectDocumented("getRunLogs", 200, before.json);
    await t.call("POST", "/runs/r1/cancel");
    expect((await t.call("GET", "/runs/r1/logs")).json.complete).toBe(true);
  });

  test("come from the backend, and are complete only when the run has ended too", async () => {
    const t = await started();
    const { backend } = t.platform;
    const logs = async (_job: unknown, after?: string) => ({
      lines: [{ text: `after ${after}`, stream: "stdout" as const }],
      next: "7",
      complete: true,
    });
    const app = { ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, logs }) };
    await dispatch(app, { id: "m", body: '{"run_id":"r1"}' });
    const { text, token } = newToken("t", "read", T0);
    await t.app.tokens.add(token);
    const ask = async () =>
      (
        await httpApp(app).request("/runs/r1/logs?cursor=3", {
          headers: { host: "localhost", authorization: `Bearer ${text}` },
        })
      ).json();
    expect(await ask()).toEqual({
      lines: [{ text: "after 3", stream: "stdout" }],
      next: "7",
      complete: false,
    });
    const cause = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
    t.platform.set("r1", { type: "ended", end: "succeeded", cause });
    await poll(app);
    expect(await ask()).toMatchObject({ complete: true });
  });

  test("that cannot be read from here say where they are", async () => {
    const t = await started();
    await dispatch(t.app, { id: "m", body: '{"run_id":"r1"}' });
    expect(await t.call("GET", "/runs/r1/logs")).toMatchObject({
      status: 409,
      json: { code: "unsupported", detail: expect.stringMatching(/backend test/) },
    });
    const { backend } = t.platform;
    const launch: typeof backend.launch = async (...values) => {
      const answer = await backend.launch(...values);
      if (answer.type !== "launched") return answer;
      return { ...answer, job: { ...answer.job, url: "https://logs.example/r3" } };
    };
    const app = { ...t.app, agents: t.app.agents, backend: async () => ({ ...backend, launch }) };
    await dispatch(app, { id: "m1", body: JSON.stringify({ run_id: "r3", flow: FLOW }) });
    expect((await t.call("GET", "/runs/r3/logs")).json.detail).toBe(
      "Sluice does not read these logs: look at https://logs.example/r3",
    );
    t.setAgents({ name: "lab", remote: true });
    await dispatch(t.app, { id: "m2", body: JSON.stringify({ run_id: "r2", flow: FLOW }) });
    const lab = { ...t.app, place: "lab", agents: t.app.agents };
    await dispatch(lab, { id: "m3", body: '{"run_id":"r2"}' });
    expect(await t.call("GET", "/runs/r2/logs")).toMatchObject({
      status: 409,
      json: { detail: expect.stringMatching(/machine of agent lab/) },
    });
  });
});

describe("flows and agents over the API", () => {
  test("flows are registered once per content, listed and shown by version", async () => {
    const { call } = await api();
    const put = (command: string) => call("PUT", "/flows/my%20load", { body: { command } });
    const first = await put("a");
    expect(first).toMatchObject({ status: 201, json: { name: "my load", version: 1 } });
    expectDocumented("registerFlow", 201, first.json);
    const same = await put("a");
    expect(same).toMatchObject({ status: 200, json: { version: 1 } });
    expectDocumented("registerFlow", 200, same.json);
    expect((await put("b")).json.version).toBe(2);
    const list = await call("GET", "/flows?limit=1", { scope: "read" });
    expect(list.json.items).toMatchObject([{ name: "my load", version: 2 }]);
    expectDocumented("listFlows", 200, list.json);
    const old = await call("GET", "/flows/my%20load?version=1");
    expect(old.json.flow.command).toBe("a");
    expectDocumented("getFlow", 200, old.json);
    expect((await call("GET", "/flows/my%20load?version=9")).status).toBe(404);
    expect((await call("GET", "/flows/my%20load?version=x")).status).toBe(422);
    expect((await call("GET", "/flows?limit=x")).status).toBe(422);
    for (const [path, message] of [
      ["/flows/a?version=x", "version: expected a whole number of at least 1"],
      ["/flows/a?version=", "version: expected a whole number of at least 1"],
      ["/flows/a?version=1e1", "version: expected a whole number of at least 1"],
      ["/flows?limit=x", "limit: expected a whole number from 1 to 500"],
      ["/runs?limit=501", "limit: expected a whole number from 1 to 500"],
      ["/runs?stat=failed", "the query is not valid: unknown key stat"],
      ["/runs/r/logs?curser=1", "the query is not valid: unknown key curser"],
      ["/flows?limits=1", "the query is not valid: unknown key limits"],
      ["/flows/a?versoin=1", "the query is not valid: unknown key versoin"],
    ] as const) {
      expect(await call("GET", path), path).toMatchObject({
        status: 422,
        json: { detail: expect.stringContaining(message) },
      });
    }
    expect((await call("GET", "/flows?cursor=x")).status).toBe(422);
  });

  test("agents are shown without the values of their variables", async () => {
    const t = await api();
    t.setAgents({ name: "prod", labels: ["prod"], env: { TOKEN: "hunter2" } });
    const { json } = await t.call("GET", "/agents", { scope: "read" });
    expect(json.items).toEqual([
      { name: "prod", backend: "test", labels: ["prod"], env: ["TOKEN"], remote: false },
    ]);
    expectDocumented("listAgents", 200, json);
  });

  test("remote agents are shown with their hosts: online, offline, or never seen", async () => {
    const t = await api();
    t.setAgents(
      { name: "here" },
      ...["bench", "shed", "never"].map((name) => ({ name, remote: true })),
    );
    const host = (agent: string, machine: string) => ({
      agent,
      id: machine,
      machine,
      version: "0.1.0",
      startedAt: T0,
      lastSeen: timestamp(t.app.now()),
    });
    await t.app.hosts.beat(host("shed", "old-pc"));
    t.clock.pass(1);
    await t.app.hosts.beat(host("bench", "lab-pc"));
    t.clock.pass(OFFLINE_AFTER_MS - 1);
    const { json } = await t.call("GET", "/agents", { scope: "read" });
    const common = { backend: "test", labels: [], env: [] };
    const remote = { ...common, remote: true };
    expect(json.items).toEqual([
      { name: "here", ...common, remote: false },
      {
        name: "bench",
        ...remote,
        online: true,
        last_seen: "2026-11-21T12:00:00.001Z",
        machine: "lab-pc",
        version: "0.1.0",
      },
      {
        name: "shed",
        ...remote,
        online: false,
        last_seen: T0,
        machine: "old-pc",
        version: "0.1.0",
      },
      { name: "never", ...remote, online: false },
    ]);
    expectDocumented("listAgents", 200, json);
  });

  test("plans hide secrets, and an agent of the caller's own needs scope admin", async () => {
    const t = await api();
    const body = { flow: FLOW, run_config: { type: "UniversalRun", env: { TOKEN: "hunter2" } } };
    const planned = await t.call("POST", "/plan", { body, scope: "run" });
    expect(planned.json).toMatchObject({ ok: true, launch: { env: { TOKEN: "***" } } });
    expectDocumented("planRun", 200, planned.json);
    const withAgent = { ...body, agent: { backend: "test" } };
    expect(await t.call("POST", "/plan", { body: withAgent, scope: "run" })).toMatchObject({
      status: 403,
    });
    const refused = await t.call("POST", "/plan", { body: withAgent });
    expect(refused).toMatchObject({ status: 200, json: { ok: false } });
    expectDocumented("planRun", 200, refused.json);
  });

  test("explanations are given for a request and for a stored run", async () => {
    const t = await api();
    t.setAgents(testAgent({ labels: ["a"] }));
    const asked = await t.call("POST", "/explain", { body: { flow: FLOW }, scope: "read" });
    expect(asked.json).toMatchObject({ agents: [{ takes: false, unlabelled: true }] });
    expectDocumented("explainRun", 200, asked.json);
    await t.call("POST", "/runs", { body: { run_id: "r1", flow: FLOW } });
    const stored = await t.call("POST", "/explain", { body: { run_id: "r1" } });
    expect(stored.json).toMatchObject({ state: "scheduled", next_try: T0 });
    expectDocumented("explainRun", 200, stored.json);
    expect((await t.call("POST", "/explain", { body: { run_id: "ghost" } })).status).toBe(404);
    expect((await t.call("POST", "/explain", { body: [] })).status).toBe(422);
  });

  test("schemas are served by name, and nothing else of the disk is", async () => {
    const { call } = await api();
    expect((await call("GET", "/schemas/nope")).status).toBe(404);
    expect((await call("GET", "/schemas/..%2Fpackage")).status).toBe(404);
    expect((await call("GET", "/schemas/message")).json).toMatchObject({ type: "object" });
  });
});
