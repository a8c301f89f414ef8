import { describe, expect, test } from "vitest";
import { isSecretReference } from "../src/agent.ts";
import type { LaunchRequest } from "../src/backend.ts";
import type { Engine } from "../src/engine.ts";
import { processOf, secretNames } from "../src/process.ts";
import { testAgent } from "./fakes/app.ts";

const engine: Engine = {
  name: "command",
  command: ({ image }) => ["run", image ?? "no image"],
  defaults: () => ({ LEVEL: "info", DEFAULT: "engine" }),
  required: (_context, lower) => ({ SEEN: Object.keys(lower).length, KEY: "k", EMPTY_KEY: "" }),
  secrets: ["KEY", "EMPTY_KEY"],
};

const request: LaunchRequest = {
  run: { id: "r1", name: "brave-otter", parameters: { day: 1 } },
  launch: 2,
  flow: { name: "load", version: 3 },
  config: {
    dialect: "prefect1",
    type: "UniversalRun",
    backend: "any",
    labels: [],
    env: { RUN: 1, BOTH: "run", GONE: null },
    options: {},
  },
  agent: testAgent({ env: { AGENT: "a", BOTH: "agent", TOKEN: { secret: "env:TOKEN" } } }),
  engine,
};

describe("the variables of a run", () => {
  test("come in layers: inherited, engine, agent, run, required, Sluice's own; later ones win", () => {
    const { variables } = processOf(request, { inherited: { HOME: "/root", LEVEL: "debug" } });
    expect(Object.fromEntries(variables.map(({ name, value }) => [name, value]))).toEqual({
      HOME: "/root",
      LEVEL: "info",
      DEFAULT: "engine",
      AGENT: "a",
      BOTH: "run",
      TOKEN: { secret: "env:TOKEN" },
      RUN: 1,
      GONE: null,
      SEEN: 8,
      KEY: "k",
      EMPTY_KEY: "",
      SLUICE_RUN_ID: "r1",
      SLUICE_RUN_NAME: "brave-otter",
      SLUICE_FLOW_NAME: "load",
      SLUICE_FLOW_VERSION: "3",
      SLUICE_LAUNCH: "2",
      SLUICE_PARAMETERS: '{"day":1}',
    });
    expect(variables.map(({ name }) => name).slice(0, 3)).toEqual(["HOME", "LEVEL", "DEFAULT"]);
  });

  test("are secret where they come from the agent, are inherited, or are a key of the engine", () => {
    const { variables } = processOf(request, { inherited: { HOME: "/root" } });
    expect(secretNames(variables)).toEqual(["HOME", "AGENT", "TOKEN", "KEY"]);
  });

  test("say no version of a flow that has none", () => {
    const { variables } = processOf({ ...request, flow: { name: "load" } });
    expect(variables.map(({ name }) => name)).not.toContain("SLUICE_FLOW_VERSION");
  });
});

test("the command may depend on the image", () => {
  expect(processOf(request).command).toEqual(["run", "no image"]);
  expect(processOf(request, { image: "etl:1" }).command).toEqual(["run", "etl:1"]);
});

test("a reference to a secret is told from other values", () => {
  expect([{ secret: "env:A" }, null, "text", {}].map(isSecretReference)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
