import { describe, expect, it } from "vitest";
import { agentOptions } from "../../../src/backends/local/options.ts";
import { processRequest, type Surroundings } from "../../../src/backends/local/request.ts";
import { engines } from "../../../src/engines/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { RunConfig } from "../../../src/run-config/index.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";

const RUN_ID = "ab5d0c1e-1111-4111-8111-000000000002";

/** The process of a request on a machine with this environment. */
async function processOf(
  parts: RequestParts,
  {
    env = {},
    options = {},
    ...rest
  }: Partial<Omit<Surroundings, "options">> & { options?: object } = {},
) {
  return processRequest(launchRequest(parts), {
    options: agentOptions.parse(options),
    env,
    cwd: "/srv/agent",
    secret: async (reference) => `text of ${reference}`,
    ...rest,
  });
}

function runner(options: RunConfig["options"], env: RunConfig["env"] = {}): Partial<RunConfig> {
  return { dialect: "orion", type: "subprocess", backend: "local", options, env };
}

async function refusal(parts: RequestParts, surroundings = {}): Promise<PermanentError> {
  const outcome = await processOf(parts, surroundings).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof PermanentError) return outcome;
  throw new Error(`not refused: ${String(outcome)}`);
}

describe("the variables of a local process", () => {
  it("leave out what leads to the agent's own rights", async () => {
    const env = {
      PATH: "/bin",
      AWS_SECRET_ACCESS_KEY: "a",
      GOOGLE_APPLICATION_CREDENTIALS: "b",
      KUBECONFIG: "c",
      DOCKER_HOST: "d",
      SLUICE_API_TOKEN: "e",
      AWSOME: "stays",
    };
    const { planned } = await processOf({}, { env });
    expect(Object.keys(planned.env).filter((name) => name in env)).toEqual(["PATH", "AWSOME"]);
  });

  it.each([
    [["AWS_REGION"], ["AWS_REGION"]],
    [["AWS_*"], ["AWS_REGION", "AWS_PROFILE"]],
    [["*"], ["AWS_REGION", "AWS_PROFILE", "DOCKER_HOST"]],
    [["AWS"], []],
  ])("let through what inherit names as %j", async (inherit, expected) => {
    const env = { AWS_REGION: "r", AWS_PROFILE: "p", DOCKER_HOST: "d" };
    const { planned } = await processOf({}, { env, options: { inherit } });
    expect(Object.keys(planned.env).filter((name) => name in env)).toEqual(expected);
  });

  it("lose those that are set to null, by agent or run", async () => {
    const env = { A: "1", B: "2", C: "3" };
    const parts = { agent: { env: { A: null } }, env: { B: null } };
    const { planned, secrets } = await processOf(parts, { env });
    expect(planned.env).toMatchObject({ C: "3" });
    expect(planned.env).not.toHaveProperty("A");
    expect(planned.env).not.toHaveProperty("B");
    expect(secrets).toEqual(["C"]);
  });

  it("hold the text of secrets, and name them as secret", async () => {
    const parts = { agent: { env: { TOKEN: { secret: "env:X" } } } };
    const { planned, secrets } = await processOf(parts);
    expect(planned.env["TOKEN"]).toBe("text of env:X");
    expect(secrets).toEqual(["TOKEN"]);
  });

  it("hide what is inherited, for it may be anything", async () => {
    const { secrets } = await processOf({}, { env: { GITHUB_TOKEN: "x" } });
    expect(secrets).toEqual(["GITHUB_TOKEN"]);
  });

  it("pass over inherited names that no shell can hand on", async () => {
    const env = { "BASH_FUNC_module%%": "() {}", "a.b": "1", GOOD: "2" };
    const { planned } = await processOf({}, { env });
    expect(planned.env).not.toHaveProperty("a.b");
    expect(planned.env).not.toHaveProperty("BASH_FUNC_module%%");
    expect(planned.env["GOOD"]).toBe("2");
  });

  it("are refused under names that no shell can hand on, each with its path", async () => {
    const parts = { env: { "a.b": "1", "": "2" }, agent: { env: { "9": "3" } } };
    const { code, issues } = await refusal(parts);
    expect(code).toBe("invalid");
    expect(issues.map(({ path }) => path)).toEqual([
      "agents.test.env.9",
      "run_config.env.a.b",
      "run_config.env.",
    ]);
    const orion = await refusal({ config: runner({}), env: { "a.b": "1" } });
    expect(orion.issues.map(({ path }) => path)).toEqual(["run_config.config.env.a.b"]);
  });

  it("are refused with zero bytes, as is a command with some", async () => {
    const { issues } = await refusal({ env: { A: "x\0y" }, command: ["echo", "\0"] });
    expect(issues.map(({ path }) => path)).toEqual(["command.1", "env.A"]);
  });
});

describe("PYTHONPATH of a local process", () => {
  it("is left alone unless the agent has import paths or the engine is prefect1", async () => {
    const env = { PYTHONPATH: "/mine" };
    expect((await processOf({}, { env })).planned.env["PYTHONPATH"]).toBe("/mine");
    const options = { import_paths: ["/a", "b"] };
    const { planned, secrets } = await processOf({}, { env, options });
    expect(planned.env["PYTHONPATH"]).toBe("/srv/agent:/mine:/a:b");
    expect(secrets).not.toContain("PYTHONPATH");
  });

  it("is hidden if it is the agent's own", async () => {
    const parts = { agent: { env: { PYTHONPATH: "/x" } }, engine: engines.prefect1 };
    expect((await processOf(parts)).secrets).toContain("PYTHONPATH");
  });
});

describe("the directory of a local process", () => {
  it.each([
    [{}, {}, null],
    [{ working_dir: "/data" }, {}, "/data"],
    [{ working_dir: "data/x" }, {}, "/srv/agent/data/x"],
    [{ working_dir: null }, { working_dir: "/all" }, "/all"],
    [{}, { working_dir: "all" }, "/srv/agent/all"],
    [{ working_dir: "/data" }, { working_dir: "/all" }, "/data"],
  ])("of %j on an agent with %j is %j", async (config, options, expected) => {
    const { planned } = await processOf({ config: { options: config } }, { options });
    expect(planned.cwd).toBe(expected);
  });
});

describe("a subprocess of Orion", () => {
  const orion = { runId: RUN_ID, engine: engines.orion };

  it("is Python with the engine's module", async () => {
    const { planned } = await processOf({ ...orion, config: runner({}) });
    expect(planned.command).toEqual(["python", "-m", "prefect.engine", RUN_ID.replaceAll("-", "")]);
  });

  it.each([
    ["science", ["--name", "science"]],
    ["/opt/envs/science", ["--prefix", "/opt/envs/science"]],
    ["~/envs/science", ["--prefix", "/home/me/envs/science"]],
  ])("in the conda environment %s is run by conda", async (condaenv, expected) => {
    const surroundings = { env: { HOME: "/home/me" } };
    const config = runner({ condaenv, virtualenv: null });
    const { planned } = await processOf({ ...orion, config }, surroundings);
    expect(planned.command.slice(0, 5)).toEqual(["conda", "run", ...expected, "python"]);
  });

  it("in a virtual environment has its Python, and its variables", async () => {
    const env = { PATH: "/bin", PYTHONHOME: "/py", HOME: "/home/me" };
    const config = runner({ virtualenv: "~/venv" });
    const { planned } = await processOf({ ...orion, config }, { env });
    expect(planned.command[0]).toBe("/home/me/venv/bin/python");
    expect(planned.env).toMatchObject({
      PATH: "/home/me/venv/bin:/bin",
      VIRTUAL_ENV: "/home/me/venv",
    });
    expect(planned.env).not.toHaveProperty("PYTHONHOME");
  });

  it("keeps variables the run itself sets, in a virtual environment too", async () => {
    const ofRun = { PATH: "/run", PYTHONHOME: "/home", VIRTUAL_ENV: "/other" };
    const config = runner({ virtualenv: "venv" }, ofRun);
    const { planned } = await processOf({ ...orion, config }, { env: { PATH: "/bin" } });
    expect(planned.command[0]).toBe("/srv/agent/venv/bin/python");
    expect(planned.env).toMatchObject(ofRun);
  });

  it("prepares the environment of any other command as well", async () => {
    const config = runner({ virtualenv: "/venv" });
    const { planned } = await processOf({ command: ["load"], config });
    expect(planned.command).toEqual(["load"]);
    expect(planned.env).toMatchObject({ PATH: "/venv/bin", VIRTUAL_ENV: "/venv" });
    const conda = await processOf({ command: ["load"], config: runner({ condaenv: "x" }) });
    expect(conda.planned.command).toEqual(["conda", "run", "--name", "x", "load"]);
  });
});

describe("a request no local process can be made of", () => {
  it("has Docker storage", async () => {
    const error = await refusal({ runId: RUN_ID, flow: { storage: { type: "Docker" } } });
    expect(error.code).toBe("unsupported");
    expect(error.message).toContain(RUN_ID);
  });

  it("has storage that says nothing, where Prefect 1 needs it", async () => {
    const parts = { flow: { storage: null } };
    expect((await processOf(parts)).planned.command).toEqual(["true"]);
    const { issues } = await refusal({ ...parts, engine: engines.prefect1 });
    expect(issues.map(({ path }) => path)).toEqual(["flow.storage"]);
  });

  it.each([[null], [[]], [[""]]])("has the command %j", async (command) => {
    const { issues } = await refusal({ command });
    expect(issues.map(({ path }) => path)).toEqual(["flow.command"]);
  });
});

describe("the name of the machine", () => {
  it("is told to Prefect 1 among the labels, once", async () => {
    const text = async (labels: readonly string[]) => {
      const parts = { engine: engines.prefect1, agent: { labels } };
      const { planned } = await processOf(parts, { hostLabel: "host-1" });
      return planned.env["PREFECT__CLOUD__AGENT__LABELS"];
    };
    expect(await text(["a"])).toBe("['a', 'host-1']");
    expect(await text(["host-1", "a"])).toBe("['host-1', 'a']");
  });
});
