import { describe, expect, it } from "vitest";
import {
  type Agent,
  type EnvMap,
  PREFECT_DEFAULTS,
  type PrefectSettings,
} from "../../src/agent.ts";
import { engines } from "../../src/engines/index.ts";
import { processOf, secretNames } from "../../src/process.ts";
import { launchRequest } from "../contracts/request.ts";

const engine = engines.prefect1;
const PREFIX = "PREFECT__";

interface Parts {
  readonly backend?: string;
  readonly prefect?: Partial<PrefectSettings>;
  readonly agent?: Partial<Agent>;
  readonly env?: EnvMap;
  readonly image?: string;
  readonly inherited?: EnvMap;
  readonly flowId?: string | null;
}

/** The variables of a run, without Sluice's own, in their order. */
function variables(parts: Parts = {}): EnvMap {
  const { backend = "ecs", prefect, agent, env = {}, flowId = "flow-id", ...options } = parts;
  const request = launchRequest({
    engine,
    env,
    flow: flowId === null ? {} : { id: flowId },
    agent: { backend, prefect: { ...PREFECT_DEFAULTS, ...prefect }, ...agent },
  });
  const all = processOf(request, options).variables.map(({ name, value }) => [name, value]);
  return Object.fromEntries(all.filter(([name]) => !String(name).startsWith("SLUICE_")));
}

function command(
  backend: string,
  flow: { command?: string | string[]; core_version?: string | null },
) {
  return engine.command(launchRequest({ flow, agent: { backend } }));
}

describe("the command of prefect1", () => {
  it("is a text for a shell on ECS and its words elsewhere", () => {
    const flow = { core_version: "1.4.1" };
    expect(command("ecs", flow)).toEqual(["/bin/sh", "-c", "prefect execute flow-run"]);
    for (const backend of ["vertex", "kubernetes", "docker"]) {
      expect(command(backend, flow)).toEqual(["prefect", "execute", "flow-run"]);
    }
  });

  it("is run by the interpreter on this machine, whatever the flow's version", () => {
    const expected = ["python", "-m", "prefect", "execute", "flow-run"];
    expect(command("local", { core_version: "0.10.0" })).toEqual(expected);
    expect(command("local", { core_version: "not a version" })).toEqual(expected);
  });

  it.each([
    ["0.13.0rc10", "cloud-flow"],
    ["0.13.0.dev1", "cloud-flow"],
    ["0.12.99.post9", "cloud-flow"],
    ["", "cloud-flow"],
    [null, "cloud-flow"],
    [undefined, "cloud-flow"],
    [" 0.13.0 ", "flow-run"],
    ["v1.0", "flow-run"],
    ["0.13.0.post1", "flow-run"],
    ["0.13.0+1.gabc", "flow-run"],
    ["1!0.0.1", "flow-run"],
  ])("for core_version %j executes a %s", (core_version, expected) => {
    const flow = core_version === undefined ? {} : { core_version };
    expect(command("docker", flow)).toEqual(["prefect", "execute", expected]);
  });

  it.each(["latest", "1.4.1-", "1..2"])("is refused for core_version %j", (core_version) => {
    expect(() => command("docker", { core_version })).toThrow(
      `flow.core_version: expected a version such as 1.4.1, got the text ${JSON.stringify(core_version)}`,
    );
  });

  it("gives way to the flow's own, which is treated alike", () => {
    expect(command("ecs", { command: "python  load.py" })).toEqual([
      "/bin/sh",
      "-c",
      "python  load.py",
    ]);
    expect(command("local", { command: " python  load.py " })).toEqual(["python", "load.py"]);
    expect(command("vertex", { command: ["a b", ""], core_version: "?" })).toEqual(["a b", ""]);
    expect(() => command("docker", { command: "  " })).toThrow(/flow\.command: expected a command/);
  });
});

describe("the variables of prefect1", () => {
  it.each([
    [
      "ecs",
      "CLOUD__USE_LOCAL_SECRETS ENGINE__FLOW_RUNNER__DEFAULT_CLASS BACKEND CLOUD__API CONTEXT__FLOW_RUN_ID CONTEXT__FLOW_ID CLOUD__API_KEY CLOUD__TENANT_ID CLOUD__AGENT__LABELS LOGGING__LOG_TO_CLOUD CLOUD__AUTH_TOKEN",
    ],
    [
      "vertex",
      "BACKEND CLOUD__API CLOUD__API_KEY CLOUD__TENANT_ID CLOUD__AGENT__LABELS CONTEXT__FLOW_RUN_ID CONTEXT__FLOW_ID CLOUD__USE_LOCAL_SECRETS ENGINE__FLOW_RUNNER__DEFAULT_CLASS LOGGING__LOG_TO_CLOUD CLOUD__AUTH_TOKEN",
    ],
    [
      "kubernetes",
      "BACKEND CLOUD__AGENT__LABELS CLOUD__API CLOUD__API_KEY CLOUD__TENANT_ID CLOUD__USE_LOCAL_SECRETS CONTEXT__FLOW_RUN_ID CONTEXT__FLOW_ID CONTEXT__IMAGE ENGINE__FLOW_RUNNER__DEFAULT_CLASS LOGGING__LOG_TO_CLOUD CLOUD__AUTH_TOKEN",
    ],
    [
      "docker",
      "BACKEND CLOUD__API_KEY CLOUD__TENANT_ID CLOUD__AGENT__LABELS CONTEXT__FLOW_RUN_ID CONTEXT__FLOW_ID CONTEXT__IMAGE CLOUD__USE_LOCAL_SECRETS ENGINE__FLOW_RUNNER__DEFAULT_CLASS LOGGING__LOG_TO_CLOUD CLOUD__AUTH_TOKEN",
    ],
    [
      "local",
      "BACKEND CLOUD__API CLOUD__API_KEY CLOUD__TENANT_ID CLOUD__AGENT__LABELS CONTEXT__FLOW_RUN_ID CONTEXT__FLOW_ID CLOUD__USE_LOCAL_SECRETS ENGINE__FLOW_RUNNER__DEFAULT_CLASS",
    ],
  ])("stand on %s in Prefect's order", (backend, names) => {
    const first = backend === "docker" ? ["CLOUD__API", "LOGGING__LEVEL"] : ["LOGGING__LEVEL"];
    const expected = [...first, "CLOUD__SEND_FLOW_RUN_LOGS", ...names.split(" ")];
    expect(Object.keys(variables({ backend, image: "x:1" }))).toEqual(
      expected.map((name) => PREFIX + name),
    );
  });

  it("hold what the run and its agent are", () => {
    expect(variables({ agent: { labels: ["b", "it's"] } })).toEqual({
      PREFECT__LOGGING__LEVEL: "INFO",
      PREFECT__CLOUD__SEND_FLOW_RUN_LOGS: "true",
      PREFECT__BACKEND: "cloud",
      PREFECT__CLOUD__API: "https://api.prefect.io",
      PREFECT__CLOUD__API_KEY: "",
      PREFECT__CLOUD__TENANT_ID: "",
      PREFECT__CLOUD__AGENT__LABELS: `['b', "it's"]`,
      PREFECT__CONTEXT__FLOW_RUN_ID: "run-1",
      PREFECT__CONTEXT__FLOW_ID: "flow-id",
      PREFECT__CLOUD__USE_LOCAL_SECRETS: "false",
      PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS: "prefect.engine.cloud.CloudFlowRunner",
      PREFECT__LOGGING__LOG_TO_CLOUD: "true",
      PREFECT__CLOUD__AUTH_TOKEN: "",
    });
  });

  it("stand on a backend Prefect has none of as on Kubernetes", () => {
    const on = (backend: string) => Object.keys(variables({ backend, image: "x:1" }));
    expect(on("batch")).toEqual(on("kubernetes"));
  });

  it("leave out the id of a flow that has none", () => {
    expect(variables({ flowId: null })).not.toHaveProperty("PREFECT__CONTEXT__FLOW_ID");
  });

  it("leave only the level of the log to agent and run", () => {
    const env = { PREFECT__LOGGING__LEVEL: "DEBUG", PREFECT__BACKEND: "mine", OTHER: "1" };
    expect(variables({ env })).toMatchObject({
      PREFECT__LOGGING__LEVEL: "DEBUG",
      PREFECT__BACKEND: "cloud",
      OTHER: "1",
    });
    expect(variables({ prefect: { logging_level: "ERROR" } })).toHaveProperty(
      "PREFECT__LOGGING__LEVEL",
      "ERROR",
    );
  });

  it("carry key and tenant, also where the key is a reference to a secret", () => {
    const api_key = { secret: "ssm:/prefect/key" };
    expect(variables({ prefect: { api_key, tenant_id: "t" } })).toMatchObject({
      PREFECT__CLOUD__API_KEY: api_key,
      PREFECT__CLOUD__AUTH_TOKEN: api_key,
      PREFECT__CLOUD__TENANT_ID: "t",
    });
    expect(variables({ prefect: { api_key: "", tenant_id: "t" } })).toMatchObject({
      PREFECT__CLOUD__API_KEY: "",
      PREFECT__CLOUD__TENANT_ID: "",
    });
  });

  it("hide the key and nothing else of what is not the agent's", () => {
    const prefect = { ...PREFECT_DEFAULTS, api_key: "k" };
    const request = launchRequest({ engine, agent: { backend: "ecs", prefect } });
    expect(secretNames(processOf(request).variables)).toEqual([
      "PREFECT__CLOUD__API_KEY",
      "PREFECT__CLOUD__AUTH_TOKEN",
    ]);
  });

  it("remove a key this machine's process would inherit when the agent has none", () => {
    const inherited = { PREFECT__CLOUD__API_KEY: "old", PREFECT__CLOUD__TENANT_ID: "old" };
    expect(variables({ backend: "local", inherited })).toMatchObject({
      PREFECT__CLOUD__API_KEY: null,
      PREFECT__CLOUD__TENANT_ID: null,
    });
  });

  it.each([
    [true, {}, "true"],
    [true, { PREFECT__CLOUD__SEND_FLOW_RUN_LOGS: "false" }, "false"],
    [false, {}, "false"],
    [false, { PREFECT__CLOUD__SEND_FLOW_RUN_LOGS: "true" }, "false"],
  ])(
    "with an agent that sends logs: %j and a run that says %j, send: %j",
    (sends, env, expected) => {
      const all = variables({ prefect: { send_flow_run_logs: sends }, env });
      expect(all["PREFECT__CLOUD__SEND_FLOW_RUN_LOGS"]).toBe(expected);
      expect(all["PREFECT__LOGGING__LOG_TO_CLOUD"]).toBe(String(sends));
    },
  );

  it("count an inherited switch for logs as the run's", () => {
    const inherited = { PREFECT__CLOUD__SEND_FLOW_RUN_LOGS: "false" };
    expect(variables({ backend: "local", inherited })).toMatchObject(inherited);
  });

  it("name the server on this machine when nobody says where it is", () => {
    expect(variables({ prefect: { backend: "server" } })).toMatchObject({
      PREFECT__BACKEND: "server",
      PREFECT__CLOUD__API: "http://localhost:4200",
    });
  });
});

describe("the address of the API on Docker", () => {
  const address = (parts: Parts) =>
    variables({ backend: "docker", ...parts })["PREFECT__CLOUD__API"];

  it("is the machine's name where it was localhost, whatever its path and port", () => {
    const prefect = { backend: "server", api: "http://localhost:4300/graphql" } as const;
    expect(address({ prefect })).toBe("http://host.docker.internal:4200");
    expect(address({ prefect, agent: { options: { networks: ["a"] } } })).toBe(
      "http://host.docker.internal:4200",
    );
  });

  it("is the server's own name in the server's network", () => {
    const agent = { options: { networks: ["a", "prefect-server"] } };
    expect(address({ prefect: { backend: "server" }, agent })).toBe("http://apollo:4200");
  });

  it("is left alone where it is no localhost", () => {
    expect(address({ prefect: { api: "http://127.0.0.1:4200" } })).toBe("http://127.0.0.1:4200");
    expect(address({})).toBe("https://api.prefect.io");
  });

  it("may be overridden, on Docker only", () => {
    const env = { PREFECT__CLOUD__API: "http://mine" };
    expect(address({ env })).toBe("http://mine");
    expect(address({ agent: { env } })).toBe("http://mine");
    expect(variables({ backend: "kubernetes", env })).toHaveProperty(
      "PREFECT__CLOUD__API",
      "https://api.prefect.io",
    );
  });
});
