import { describe, expect, it } from "vitest";
import type { BackendModule, LaunchPlan } from "../../../src/backend.ts";
import { backend, dockerBackend } from "../../../src/backends/docker/index.ts";
import { volumesOf } from "../../../src/backends/docker/volumes.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { comparison, readVectors } from "../../compatibility/compare.ts";
import { type PlanVector, planVector } from "../../compatibility/plan-vector.ts";
import { testAgent } from "../../contracts/request.ts";
import { type FakeDocker, fakeDocker } from "../../fakes/docker.ts";
import { testWorld } from "../../fakes/world.ts";

interface Vector extends Omit<PlanVector, "expect"> {
  readonly op: "deploy" | "volumes";
  readonly platform?: string;
  readonly daemon?: {
    readonly engine?: string;
    readonly volumes?: readonly string[];
    readonly names?: readonly string[];
    readonly create?: string;
    readonly ping?: string;
  };
  readonly expect: {
    readonly calls?: readonly Recorded[];
    readonly error?: { readonly mentions?: readonly string[] };
    readonly binds?: Readonly<Record<string, { readonly bind: string; readonly mode: string }>>;
    readonly named_volumes?: readonly string[];
    readonly container_paths?: readonly string[];
  };
}

/** One call of docker-py, as it was recorded. */
interface Recorded {
  readonly op: string;
  readonly name?: string;
  readonly net_id?: string;
  readonly image?: string;
  readonly engine_body?: JsonObject & { readonly Env: readonly string[] };
  readonly kwargs?: { readonly name?: string };
}

const recorded = comparison("docker");
const deployments = readVectors<Vector>("docker", ({ op }) => op === "deploy");
const volumeLists = readVectors<Vector>("docker", ({ op }) => op === "volumes");

describe("docker containers", () => {
  it("are recorded in 110 cases", () => expect(deployments).toHaveLength(110));

  it.each(deployments)("$name is as Prefect 1.4.1 has it", async (vector) => {
    const docker = await engineFor(vector);
    try {
      recorded.compare(vector.name, expectedOf(vector), await launched(vector, docker));
    } finally {
      await docker.close();
    }
  });
});

describe("volumes of a docker agent", () => {
  it("are recorded in 23 cases", () => expect(volumeLists).toHaveLength(23));

  it.each(volumeLists)(
    "$name is as Prefect 1.4.1 has it",
    ({ name, agent, platform, expect: expected }) => {
      const { binds = {}, named_volumes, container_paths } = expected;
      const list = Object.entries(binds).map(
        ([outside, { bind, mode }]) => `${outside}:${bind}:${mode}`,
      );
      recorded.compare(
        name,
        expected.error === undefined
          ? { named: named_volumes, inside: container_paths, binds: list }
          : { refused: true },
        readVolumes(agent["volumes"] as readonly string[], platform ?? "linux"),
      );
    },
  );
});

/** An engine as the vector says, on which everything the run needs is to be had. */
async function engineFor({
  daemon = {},
  agent,
  run_config,
  expect: { calls = [] },
}: Vector): Promise<FakeDocker> {
  const docker = await fakeDocker();
  const { engine, volumes = [], names = [], create, ping } = daemon;
  if (engine !== undefined) docker.version = engine;
  for (const name of volumes) docker.volumes.set(name, {});
  for (const { op, image = "" } of calls) {
    if (op === "pull") docker.registry[/:[^/]*$/.test(image) ? image : `${image}:latest`] = {};
    if (op === "create_container") docker.images.add(image);
  }
  const networks = [...((agent["networks"] as string[]) ?? []), "n9", "foobar"];
  for (const network of networks) docker.networks.add(network);
  for (const name of names) await foreign(docker, name);
  if (create === "raises") {
    docker.faults.push({ method: "POST", path: /create$/, how: { status: 400, message: "no" } });
  }
  if (ping === "raises") await docker.down();
  if (run_config === null) docker.calls.length = 0;
  return docker;
}

async function foreign(docker: FakeDocker, name: string): Promise<void> {
  docker.images.add("foreign");
  await fetch(`${docker.url.replace("tcp", "http")}/containers/create?name=${name}`, {
    method: "POST",
    body: JSON.stringify({ Image: "foreign" }),
  });
  docker.calls.length = 0;
}

function expectedOf({ expect: { calls = [], error } }: Vector): JsonObject {
  if (error !== undefined) return { refused: true, mentions: [...(error.mentions ?? [])] };
  const made = calls.findLast(({ op }) => op === "create_container");
  const { Env, ...create } = made?.engine_body ?? { Env: [] };
  return {
    name: made?.kwargs?.name,
    create: { ...create, Env: variables(Env) },
    pull: calls.some(({ op }) => op === "pull"),
    networks: calls.flatMap(({ net_id }) => (net_id === undefined ? [] : [net_id])),
    calls: calls.flatMap(({ op, name, net_id }) => {
      if (op === "stream_logs") return [];
      return [[op, name ?? net_id].filter((part) => part !== undefined).join(" ")];
    }),
  };
}

/** What Sluice plans and then asks of the engine. */
async function launched(vector: Vector, docker: FakeDocker): Promise<JsonObject> {
  const module: BackendModule = {
    ...backend,
    open: (agent, world) => dockerBackend(agent, world, "linux"),
  };
  const answer = await planVector(planned(vector), { module, agent: { base_url: docker.url } });
  const mentions = vector.expect.error?.mentions ?? [];
  if (!answer.ok) {
    const { code, message } = answer.error;
    expect(code, message).not.toBe("internal");
    return { refused: true, mentions: mentions.filter((word) => message.includes(word)) };
  }
  const { name, create, pull, networks } = answer.launch;
  const { Env, ...body } = create as JsonObject & { readonly Env: readonly string[] };
  const plan: LaunchPlan = { target: docker.url, launch: answer.launch, secrets: [], warnings: [] };
  const agent = testAgent({
    backend: "docker",
    options: { base_url: docker.url, volumes: vector.agent["volumes"] ?? [] },
  });
  const key = { runId: String(vector.flow_run["id"]), launch: 1, target: docker.url };
  const opened = dockerBackend(agent, testWorld(), "linux");
  try {
    await opened.launch(plan, key, new AbortController().signal);
  } catch (error) {
    expect(error).toBeInstanceOf(PermanentError);
    return { refused: true, mentions: [] };
  }
  return { name, create: { ...body, Env: variables(Env) }, pull, networks, calls: callsOf(docker) };
}

function planned(vector: Vector): PlanVector {
  return { ...vector, expect: {} };
}

/** The calls the engine got, in docker-py's words. */
function callsOf({ calls }: FakeDocker): string[] {
  return calls.flatMap((call) => {
    const [method, path = ""] = call.split(" ");
    const [, kind, name, what] = path.split("/");
    if (kind === "images") return ["pull"];
    if (kind === "volumes") return [method === "GET" ? `inspect_volume ${name}` : "create_volume"];
    if (kind === "networks") return [`connect_container_to_network ${name}`];
    if (kind === "containers") return [name === "create" ? "create_container" : String(what)];
    return [];
  });
}

function readVolumes(options: readonly string[], platform: string): JsonObject {
  try {
    return { ...volumesOf(options, platform) };
  } catch (error) {
    expect(error).toBeInstanceOf(PermanentError);
    return { refused: true };
  }
}

function variables(list: readonly string[]): JsonObject {
  return Object.fromEntries(
    list.map((entry) => {
      const [name = "", ...value] = entry.split("=");
      return [name, value.length === 0 ? null : value.join("=")];
    }),
  );
}
