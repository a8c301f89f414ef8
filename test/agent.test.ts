import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { matchAgent, verdict, whyNoAgent } from "../src/agent.ts";
import { parseAgent, parseConfig } from "../src/config.ts";
import { testAgent } from "./fakes/app.ts";

const labels = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 4 });

describe("the label rule", () => {
  test("an agent takes a run whose labels it has, and one without labels only if it has none", () => {
    fc.assert(
      fc.property(labels, labels, (has, wants) => {
        const agent = testAgent({ labels: has });
        const covered = wants.every((label) => has.includes(label));
        const fits = wants.length === 0 ? has.length === 0 : covered;
        expect(verdict(agent, { backend: "any", labels: wants }).takes).toBe(fits);
      }),
    );
  });

  test("a run config of one backend goes to no other", () => {
    const agent = testAgent({ backend: "docker" });
    expect(verdict(agent, { backend: "ecs", labels: [] })).toMatchObject({
      takes: false,
      otherBackend: true,
    });
    expect(verdict(agent, { backend: "docker", labels: [] }).takes).toBe(true);
  });

  test("among several fitting agents the first wins", () => {
    const agents = [
      testAgent({ name: "one", labels: ["x"] }),
      testAgent({ name: "two", labels: ["a", "b"] }),
      testAgent({ name: "three", labels: ["a"] }),
    ];
    expect(matchAgent(agents, { backend: "any", labels: ["a"] })?.name).toBe("two");
    expect(matchAgent(agents, { backend: "any", labels: ["z"] })).toBeUndefined();
  });

  test("the agent nearest to a run is one of its backend with the fewest labels missing", () => {
    const agents = [
      testAgent({ name: "other", backend: "docker", labels: ["a", "b"] }),
      testAgent({ name: "far", backend: "ecs" }),
      testAgent({ name: "near", backend: "ecs", labels: ["a"] }),
    ];
    expect(whyNoAgent(agents, { backend: "ecs", labels: ["a", "b c"] })).toBe(
      'no agent takes the ecs run [a, "b c"]; nearest is near [a]: it lacks "b c"',
    );
    expect(whyNoAgent(agents.slice(2), { backend: "any", labels: [] })).toBe(
      "no agent takes the run without labels; nearest is near [a]: it has labels, and a run without labels goes to an agent without",
    );
  });
});

test("the nearest agent to a run without labels is one of its backend, with labels or not", () => {
  const agents = [
    testAgent({ name: "other", backend: "docker" }),
    testAgent({ name: "near", backend: "ecs", labels: ["a"] }),
  ];
  expect(whyNoAgent(agents, { backend: "ecs", labels: [] })).toMatch(/nearest is near \[a\]/);
});

describe("sluice.yml", () => {
  const optionsOf = (backend: string) =>
    backend === "test" ? z.strictObject({ size: z.number().default(1) }) : undefined;

  test("gives its agents in order, with every default filled in", () => {
    const agents = parseConfig(
      {
        agents: {
          second: { backend: "test", size: 3, labels: ["b"] },
          first: {
            backend: "test",
            env: { A: "1", KEY: { secret: "env:KEY" } },
            prefect: { api: "http://x", api_key: "k", tenant_id: "t" },
          },
        },
      },
      optionsOf,
    );
    expect(agents).toEqual([
      testAgent({ name: "second", labels: ["b"], options: { size: 3 } }),
      testAgent({
        name: "first",
        env: { A: "1", KEY: { secret: "env:KEY" } },
        prefect: {
          backend: "cloud",
          logging_level: "INFO",
          send_flow_run_logs: true,
          api: "http://x",
          api_key: "k",
          tenant_id: "t",
        },
        options: { size: 1 },
      }),
    ]);
  });

  test("with faults is refused, and all of them are named at once", () => {
    const document = {
      agnts: {},
      agents: {
        "Not a name": { backend: "test" },
        a: { backend: "tset" },
        b: { backend: "test", size: "big", labels: "x", colour: "red" },
        c: { labels: [] },
        d: 7,
        e: { backend: "test", env: { A: { secret: "vault:x" } } },
        f: { backend: "test", env: { A: [1], B: { SECRET: "env:X" } }, prefect: { api_key: 1 } },
      },
    };
    expect(() => parseConfig(document, optionsOf)).toThrow(
      expect.objectContaining({
        code: "invalid",
        issues: [
          { path: "agnts", message: "unknown key" },
          {
            path: "agents.Not a name",
            message:
              'expected a name of at most 40 small letters, digits and inner dashes, got the text "Not a name"',
          },
          { path: "agents.a.backend", message: "unknown backend tset" },
          { path: "agents.b.labels", message: 'expected a list, got the text "x"' },
          { path: "agents.b.size", message: 'expected a number, got the text "big"' },
          { path: "agents.b", message: "unknown key colour" },
          { path: "agents.c.backend", message: "expected text, got nothing" },
          { path: "agents.d", message: "expected an object, got 7 (number)" },
          {
            path: "agents.e.env.A.secret",
            message: 'expected env:NAME, ssm:NAME or secretsmanager:ID, got the text "vault:x"',
          },
          {
            path: "agents.f.env.A",
            message: "expected text, a number, true, false, null or { secret: … }, got a list of 1",
          },
          {
            path: "agents.f.env.B",
            message: "expected text, a number, true, false, null or { secret: … }, got an object",
          },
          {
            path: "agents.f.prefect.api_key",
            message: "expected text or { secret: … }, got 1 (number)",
          },
        ],
      }),
    );
  });

  test("has no agent called as the place of the dispatcher is", () => {
    const document = { agents: { cloud: { backend: "test" } } };
    expect(() => parseConfig(document, optionsOf)).toThrow(/agents.cloud: expected another name/);
  });

  test.each([
    [null, "expected an object with agents, got null"],
    [[], "expected an object with agents, got a list of 0"],
    [{}, "agents: expected agents by name, got nothing"],
    [{ agents: null }, "agents: expected agents by name, got null"],
    [{ agents: [] }, "agents: expected agents by name, got a list of 0"],
    [{ agent: {} }, "agent: unknown key; agents: expected agents by name, got nothing"],
  ])("that is %j is refused", (document, faults) => {
    expect(() => parseConfig(document, optionsOf)).toThrow(`sluice.yml is not valid: ${faults}`);
  });

  test("an agent that comes in a request is read by the same rules", () => {
    expect(parseAgent("inline", { backend: "test" }, optionsOf).options).toEqual({ size: 1 });
    expect(() => parseAgent("inline", { backend: "nope" }, optionsOf)).toThrow(
      "the agent inline is not valid: agent.backend: unknown backend nope",
    );
  });
});
