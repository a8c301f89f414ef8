import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, World } from "../../../src/backend.ts";
import { reportEnds } from "../../../src/backends/docker/events.ts";
import type { Observation } from "../../../src/state-after.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { breakEvents, listenersOf } from "../../fakes/docker.ts";
import { testWorld } from "../../fakes/world.ts";
import { type DockerHarness, openDocker } from "./harness.ts";

type Seen = Observation & { readonly runId: string };

let harness: DockerHarness;
let seen: Seen[];
let warnings: string[];
let closing: AbortController;
let world: Partial<World>;
let listening: Parameters<typeof reportEnds>[2];
/** An engine whose events break off at once. */
const brokenApi: Parameters<typeof reportEnds>[0] = {
  target: "tcp://engine:2375",
  nameTarget: async () => "tcp://engine:2375",
  inspect: async () => undefined,
  events: () => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("broken")) }),
  }),
};
beforeEach(async () => {
  harness = await openDocker();
  seen = [];
  warnings = [];
  closing = new AbortController();
  world = {
    closing: closing.signal,
    observe: (runId, observation) => void seen.push({ runId, ...observation }),
    log: { info() {}, error() {}, warn: (message) => void warnings.push(message) },
  };
  listening = { ...testWorld(), ...world };
});
afterEach(async () => {
  closing.abort();
  await harness.close();
});

describe("the end of a container", () => {
  it("is told at once, with its cause", async () => {
    const backend = harness.open(world);
    await launch(backend);
    await until(() => listenersOf(harness.docker) === 1);
    const [container] = harness.docker.containers.values();
    harness.docker.end(container?.id ?? "", 137, { oomKilled: true });
    await until(() => seen.length > 0);
    expect(seen).toMatchObject([
      {
        runId: "run-1",
        launch: 1,
        job: { backend: "docker", ref: { name: "sluice-run-1-1", target: harness.docker.url } },
        status: { type: "ended", cause: { type: "out_of_memory" } },
      },
    ]);
    expect((await backend.find(key()))[0]).toEqual(seen[0]?.job);
  });

  it("is heard by one listener of a backend, however much it launches", async () => {
    const backend = harness.open(world);
    await Promise.all([
      launch(backend),
      launch(backend, 2),
      backend.find(key()),
      backend.find(key()),
    ]);
    await until(() => listenersOf(harness.docker) > 0);
    await backend.inspect(await backend.find(key()));
    expect(listenersOf(harness.docker)).toBe(1);
  });

  it("is heard again after the stream has broken", async () => {
    const backend = harness.open(world);
    await launch(backend);
    await until(() => listenersOf(harness.docker) === 1);
    breakEvents(harness.docker);
    await until(() => warnings.length > 0);
    await until(() => listenersOf(harness.docker) === 1);
    harness.docker.tick();
    const [container] = harness.docker.containers.values();
    harness.docker.end(container?.id ?? "", 0);
    await until(() => seen.length > 0);
    expect(seen[0]?.status).toMatchObject({ end: "succeeded" });
    expect(warnings).toEqual(["events of the engine lost"]);
  });

  it("of somebody else's container is not told", async () => {
    const backend = harness.open(world);
    await launch(backend);
    await until(() => listenersOf(harness.docker) === 1);
    const http = harness.docker.url.replace("tcp", "http");
    const body = JSON.stringify({ Image: "etl", Cmd: ["forever"] });
    await fetch(`${http}/containers/create?name=foreign`, { method: "POST", body });
    const [ours, foreign] = harness.docker.containers.values();
    harness.docker.end(foreign?.id ?? "", 0);
    harness.docker.end(ours?.id ?? "", 0);
    await until(() => seen.length > 0);
    expect(seen.map(({ runId }) => runId)).toEqual(["run-1"]);
  });

  it("is told to the installation that launched it, once, and to no other", async () => {
    const [none, dev, prod] = [listener(), listener("sluice-dev"), listener("sluice-prod")];
    for (const number of [1, 2])
      for (const { backend } of [none, dev, prod]) await launch(backend, number);
    await until(() => listenersOf(harness.docker) === 3);
    for (const { id } of harness.docker.containers.values()) harness.docker.end(id, 0);
    // Each is told in the order in which the containers ended, so nothing comes after its own last one.
    await until(() => [none, dev, prod].every(({ told }) => told.at(-1)?.endsWith("run-1-2")));
    expect(none.told).toEqual(["sluice-run-1-1", "sluice-run-1-2"]);
    expect(dev.told).toEqual(["sluice-sluice-dev.run-1-1", "sluice-sluice-dev.run-1-2"]);
    expect(prod.told).toEqual(["sluice-sluice-prod.run-1-1", "sluice-sluice-prod.run-1-2"]);
  });

  it("is asked for by agent and installation, so that the engine tells of no others", async () => {
    await launch(harness.open(world));
    await until(() => listenersOf(harness.docker) === 1);
    await launch(harness.open({ ...world, installation: "sluice-dev" }));
    await until(() => listenersOf(harness.docker) === 2);
    const asked = harness.docker.received.filter(({ url }) => url.startsWith("/events?"));
    const common = { type: ["container"], event: ["die"] };
    const agent = `sluice.agent=${harness.agent.name}`;
    expect(asked.map(({ url }) => filtersOf(url))).toEqual([
      { ...common, label: [agent] },
      { ...common, label: [agent, "sluice.installation=sluice-dev"] },
    ]);
  });

  it("is not told while the container still runs", async () => {
    const backend = harness.open(world);
    await Promise.all([launch(backend), launch(backend, 2)]);
    await until(() => listenersOf(harness.docker) === 1);
    const [first, second] = harness.docker.containers.values();
    harness.docker.end(first?.id ?? "", 0);
    Object.assign(first ?? {}, { status: "running" });
    harness.docker.end(second?.id ?? "", 0);
    await until(() => seen.length > 0);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.job.ref["container"]).toBe(second?.id);
  });

  it("is not listened for where nobody wants to know", async () => {
    await launch(harness.backend);
    await harness.backend.inspect(await harness.backend.find(key()));
    expect(harness.docker.calls).not.toContain("GET /events");
  });

  it("is not listened for by a plan", async () => {
    await harness.open(world).plan(launchRequest(harness.request("forever")));
    expect(harness.docker.calls).toEqual(["GET /version"]);
  });

  it("is listened for after pauses that double, and the break is told once", async () => {
    const waits: number[] = [];
    await reportEnds(brokenApi, "test", {
      ...listening,
      pause: async (ms) => {
        waits.push(ms);
        if (waits.length === 8) closing.abort();
      },
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
    expect(warnings).toEqual(["events of the engine lost"]);
  });

  it("is listened for again at once after a stream that stood for long", async () => {
    const waits: number[] = [];
    let minutes = 0;
    await reportEnds(brokenApi, "test", {
      ...listening,
      now: () => new Date((minutes += 2) * 60_000),
      pause: async (ms) => {
        waits.push(ms);
        if (waits.length === 3) closing.abort();
      },
    });
    expect(waits).toEqual([1_000, 1_000, 1_000]);
    expect(warnings).toHaveLength(3);
  });

  it("is no longer listened for when the world closes", async () => {
    await launch(harness.open(world));
    await until(() => listenersOf(harness.docker) === 1);
    closing.abort();
    await until(() => listenersOf(harness.docker) === 0);
    expect(warnings).toEqual([]);
  });
});

/** A backend that notes the names of the containers whose end it is told. */
function listener(installation?: string): { readonly backend: Backend; readonly told: string[] } {
  const told: string[] = [];
  const observe = (_: string, { job }: Observation) => void told.push(String(job.ref["name"]));
  const whose = installation === undefined ? {} : { installation };
  return { backend: harness.open({ ...world, ...whose, observe }), told };
}

function filtersOf(url: string): unknown {
  return JSON.parse(new URL(url, "http://engine").searchParams.get("filters") ?? "");
}

async function launch(backend = harness.backend, launch = 1): Promise<void> {
  const plan = await backend.plan(launchRequest({ ...harness.request("forever"), launch }));
  await backend.launch(plan, { ...key(), launch }, never());
}

function key() {
  return { runId: "run-1", launch: 1, target: harness.docker.url };
}

/** Waits until something is so; the test's own time limit is the only one. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await sleep(5);
}
