import { describe, expect, it } from "vitest";
import { type EnvMap, PREFECT_DEFAULTS, type PrefectSettings } from "../../src/agent.ts";
import { engines } from "../../src/engines/index.ts";
import { PermanentError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import { processOf, secretNames } from "../../src/process.ts";
import { launchRequest } from "../contracts/request.ts";

const engine = engines.orion;
const UUID = "ab5d0c1e-1111-4111-8111-000000000002";

interface Parts {
  readonly backend?: string;
  readonly runId?: string;
  readonly command?: string | string[];
  readonly prefect?: Partial<PrefectSettings>;
  readonly agentEnv?: EnvMap;
  readonly env?: EnvMap;
  readonly options?: JsonObject;
}

function request({ backend = "docker", runId = UUID, command, ...parts }: Parts) {
  return launchRequest({
    engine,
    runId,
    env: parts.env ?? {},
    flow: command === undefined ? {} : { command },
    config: { dialect: "orion", options: parts.options ?? {} },
    agent: {
      backend,
      prefect: { ...PREFECT_DEFAULTS, ...parts.prefect },
      env: parts.agentEnv ?? {},
    },
  });
}

function variables(parts: Parts): EnvMap {
  const all = processOf(request(parts)).variables;
  return Object.fromEntries(
    all.filter(({ name }) => !name.startsWith("SLUICE_")).map(({ name, value }) => [name, value]),
  );
}

const api = "http://orion:4200/api";

describe("the command of orion", () => {
  it("names the run by its id in containers and by the id without dashes on this machine", () => {
    const run = (parts: Parts) => engine.command(request(parts));
    expect(run({})).toEqual(["python", "-m", "prefect.engine", UUID]);
    expect(run({ backend: "kubernetes" })?.at(-1)).toBe(UUID);
    expect(run({ backend: "local" })?.at(-1)).toBe(UUID.replaceAll("-", ""));
    expect(run({ backend: "local", runId: "not-a-uuid" })?.at(-1)).toBe("not-a-uuid");
  });

  it("gives way to the flow's own", () => {
    expect(engine.command(request({ command: ["x"] }))).toEqual(["x"]);
    expect(engine.command(request({ command: "x y" }))).toEqual(["/bin/sh", "-c", "x y"]);
  });
});

describe("the variables of orion", () => {
  it("are what the agent says otherwise than Prefect", () => {
    expect(variables({ backend: "ecs" })).toEqual({});
    const prefect = {
      api,
      api_key: { secret: "env:KEY" },
      logging_level: "DEBUG",
      send_flow_run_logs: false,
      tenant_id: "unused",
    };
    expect(variables({ backend: "ecs", prefect })).toEqual({
      PREFECT_API_URL: api,
      PREFECT_API_KEY: { secret: "env:KEY" },
      PREFECT_LOGGING_LEVEL: "DEBUG",
      PREFECT_LOGGING_TO_API_ENABLED: "false",
    });
  });

  it("may all be overridden by agent and run", () => {
    const prefect = { api, api_key: "k" };
    const agentEnv = { PREFECT_API_KEY: "agent", PREFECT_LOGGING_LEVEL: "agent" };
    const env = { PREFECT_API_KEY: "run", PREFECT_API_URL: "http://localhost:1" };
    expect(variables({ prefect, agentEnv, env })).toEqual({
      PREFECT_API_URL: "http://localhost:1",
      PREFECT_API_KEY: "run",
      PREFECT_LOGGING_LEVEL: "agent",
    });
  });

  it("hide the key", () => {
    const made = processOf(request({ prefect: { api, api_key: "k" } })).variables;
    expect(secretNames(made)).toEqual(["PREFECT_API_KEY"]);
  });
});

describe("the API of orion", () => {
  it.each(["docker", "kubernetes"])("must be known to a run on %s", (backend) => {
    for (const env of [{}, { PREFECT_API_URL: "" }, { PREFECT_API_URL: null }]) {
      expect(() => variables({ backend, env })).toThrow(PermanentError);
    }
    expect(() => variables({ backend })).toThrow(
      /expected the address of Prefect's API.*prefect\.api/,
    );
    expect(variables({ backend, env: { PREFECT_API_URL: api } })).toEqual({ PREFECT_API_URL: api });
    expect(variables({ backend, agentEnv: { PREFECT_API_URL: api } })).toEqual({
      PREFECT_API_URL: api,
    });
  });

  it.each(["local", "ecs", "vertex"])("may be unknown to a run on %s", (backend) => {
    expect(variables({ backend })).toEqual({});
  });

  it.each([
    ["http://localhost:4200/api", "http://host.docker.internal:4200/api"],
    ["http://127.0.0.1:4200/api", "http://host.docker.internal:4200/api"],
    [api, api],
  ])("at %s is reached from a container at %s", (given, expected) => {
    expect(variables({ prefect: { api: given } })).toEqual({ PREFECT_API_URL: expected });
    expect(variables({ agentEnv: { PREFECT_API_URL: given } })).toEqual({
      PREFECT_API_URL: expected,
    });
    expect(variables({ backend: "kubernetes", prefect: { api: given } })).toEqual({
      PREFECT_API_URL: given,
    });
  });

  it.each([
    ["in the machine's network", { options: { network_mode: "host" } }],
    [
      "in the machine's network by host_config",
      { options: { host_config: { network_mode: "host" } } },
    ],
    ["that names it itself", { env: { PREFECT_API_URL: "http://localhost:4200" } }],
  ])("is left alone for a run %s", (_, parts: Parts) => {
    expect(variables({ prefect: { api: "http://localhost:4200" }, ...parts })).toEqual({
      PREFECT_API_URL: "http://localhost:4200",
    });
  });

  it("is changed for a run in another network", () => {
    const parts: Parts = {
      prefect: { api: "http://localhost" },
      options: { network_mode: "bridge" },
    };
    expect(variables(parts)).toEqual({ PREFECT_API_URL: "http://host.docker.internal" });
  });

  it("kept as a secret is passed on as the reference it is", () => {
    const env = { PREFECT_API_URL: { secret: "ssm:/url" } };
    expect(variables({ agentEnv: env })).toEqual(env);
  });
});
