import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LaunchAnswer } from "../../../src/backend.ts";
import { type Address, addressOf } from "../../../src/backends/docker/address.ts";
import { dockerApi } from "../../../src/backends/docker/api.ts";
import { launchContainer } from "../../../src/backends/docker/launch.ts";
import { openTransport } from "../../../src/backends/docker/transport.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import { silentLogger } from "../../../src/log.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import type { Fault } from "../../fakes/docker.ts";
import type { FakeContainer } from "../../fakes/docker-containers.ts";
import { type DockerHarness, IMAGE, openDocker } from "./harness.ts";

const NAME = "sluice-run-1-1";
const CREATE = { method: "POST", path: /^\/containers\/create$/ } as const;
const START = { method: "POST", path: /\/start$/ } as const;
const LOOK = { method: "GET", path: /^\/containers\/sluice.*\/json$/ } as const;
const PULL = { method: "POST", path: /^\/images\/create$/ } as const;

let harness: DockerHarness;
beforeEach(async () => {
  harness = await openDocker();
});
afterEach(() => harness.close());

describe("a launch on docker", () => {
  it("takes one call to make and one to start the container", async () => {
    await launch(harness.request("forever"));
    const [container] = containers();
    expect(container?.name).toBe(NAME);
    expect(harness.docker.calls).toEqual([
      "GET /version",
      "POST /containers/create",
      `POST /containers/${container?.id}/start`,
    ]);
  });

  it("asks for the version of the engine once in ten minutes", async () => {
    const parts = harness.request("forever");
    await harness.backend.plan(launchRequest(parts));
    await harness.backend.plan(launchRequest({ ...parts, runId: "run-2" }));
    expect(harness.docker.calls).toEqual(["GET /version"]);
    harness.docker.now = new Date(harness.docker.now.getTime() + 11 * 60_000);
    await harness.backend.plan(launchRequest(parts));
    expect(harness.docker.calls).toEqual(["GET /version", "GET /version"]);
  });

  it("marks the container with its run, launch, flow and agent", async () => {
    await launch({ ...harness.request("forever"), launch: 2 });
    expect(containers()[0]?.body.Labels).toEqual({
      "sluice.run-id": "run-1",
      "sluice.launch": "2",
      "sluice.flow": "nightly-load",
      "sluice.agent": "test",
      "sluice.auto-remove": "true",
    });
  });

  it("never has the engine remove or restart a container", async () => {
    await launch(withHostConfig({ auto_remove: true }));
    expect(containers()[0]?.body.HostConfig).not.toHaveProperty("AutoRemove");
    expect(containers()[0]?.body.HostConfig).not.toHaveProperty("RestartPolicy");
  });

  it("keeps the variables of a run out of the address of its calls", async () => {
    await launch({ ...harness.request("forever"), env: { PASSWORD: "s3cret" } });
    for (const { url } of harness.docker.received) expect(url).not.toContain("s3cret");
  });

  it("takes a plan of its own backend only", async () => {
    const plan = { target: harness.docker.url, launch: { job: {} }, secrets: [], warnings: [] };
    await expect(harness.backend.launch(plan, key(), never())).rejects.toThrow(
      "plan of a docker launch",
    );
  });

  it("listens to no DOCKER_HOST", async () => {
    const before = { ...process.env };
    Object.assign(process.env, { DOCKER_HOST: "tcp://192.0.2.1:2376", DOCKER_TLS_VERIFY: "1" });
    try {
      const answer = await launch(harness.request("forever"), { other: true });
      expect(answer.type).toBe("launched");
    } finally {
      process.env = before;
    }
  });
});

describe("a container that is there already", () => {
  it("is adopted after an answer that was lost", async () => {
    fault({ ...CREATE, how: "lost" });
    await expect(launch(harness.request("forever"))).rejects.not.toBeInstanceOf(PermanentError);
    expect(await harness.backend.find(key())).toEqual([]);
    expect((await launch(harness.request("forever"), { other: true })).type).toBe("launched");
    expect(containers()).toHaveLength(1);
    expect(harness.docker.starts).toBe(1);
  });

  it("is found after a start whose answer was lost", async () => {
    fault({ ...START, how: "lost" });
    await expect(launch(harness.request("forever"))).rejects.not.toBeInstanceOf(PermanentError);
    expect((await harness.backend.find(key())).map(({ ref }) => ref["name"])).toEqual([NAME]);
    expect((await launch(harness.request("forever"))).type).toBe("launched");
    expect(harness.docker.starts).toBe(1);
  });

  it.each(["24.0.7", "17.09.0-ce"])("is recognised on engine %s", async (version) => {
    harness.docker.version = version;
    const first = await launch(harness.request("forever"));
    expect(await launch(harness.request("forever"))).toEqual(first);
    expect(harness.docker.starts).toBe(1);
  });

  it("joins the networks it lacks before it is started", async () => {
    harness = await reopened({ networks: ["n1", "n2", "n3"] });
    for (const network of ["n1", "n2", "n3"]) harness.docker.networks.add(network);
    fault({ method: "POST", path: /n3\/connect$/, how: "cut" });
    await expect(launch(harness.request("forever"))).rejects.toThrow("did not answer");
    expect((await launch(harness.request("forever"))).type).toBe("launched");
    expect([...(containers()[0]?.networks ?? [])]).toEqual(["n1", "n2", "n3"]);
    expect(harness.docker.starts).toBe(1);
  });

  it("is never started again once it has ended", async () => {
    await launch(harness.request("exit", "0"));
    harness.docker.tick();
    expect((await launch(harness.request("exit", "0"))).type).toBe("launched");
    expect(harness.docker.starts).toBe(1);
    expect(containers()[0]?.status).toBe("exited");
  });

  it.each([
    ["of nobody", {}],
    ["of another run", { "sluice.run-id": "run-2", "sluice.launch": "1" }],
    ["of another launch", { "sluice.run-id": "run-1", "sluice.launch": "2" }],
    [
      "of the installation sluice-dev",
      { "sluice.run-id": "run-1", "sluice.launch": "1", "sluice.installation": "sluice-dev" },
    ],
  ])("is refused if it is %s", async (what, labels) => {
    await foreign(NAME, labels);
    if ("sluice.installation" in labels) {
      await expect(launch(harness.request("forever"))).rejects.toThrow(what);
    }
    await expect(launch(harness.request("forever"))).rejects.toMatchObject({
      name: "PermanentError",
      code: "rejected",
      message: expect.stringContaining(NAME),
    });
    expect(harness.docker.starts).toBe(0);
  });

  it("is awaited if the engine has taken the name and does not show it yet", async () => {
    await launch(harness.request("forever"));
    for (const _ of [1, 2]) fault({ ...LOOK, how: { status: 404, message: "No such container" } });
    expect((await launch(harness.request("forever"))).type).toBe("launched");
    expect(harness.docker.starts).toBe(1);
  });

  it("leaves the launch open if the engine shows nothing under the name for long", async () => {
    const message = `The container name "/${NAME}" is already in use by container "".`;
    fault({ ...CREATE, how: { status: 409, message } });
    const waits: number[] = [];
    const plan = await harness.backend.plan(launchRequest(harness.request("forever")));
    const thrown = launchContainer(plan, key(), {
      api: dockerApi(openTransport(addressOf(harness.docker.url) as Address, 5)),
      target: harness.docker.url,
      signal: never(),
      installation: undefined,
      volumes: [],
      log: silentLogger,
      credentials: async () => undefined,
      pause: async (ms) => void waits.push(ms),
    });
    await expect(thrown).rejects.toThrow(message);
    await expect(thrown).rejects.not.toBeInstanceOf(PermanentError);
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_600]);
  });
});

describe("a container that cannot be started", () => {
  it("ends the launch with the engine's words, and is removed", async () => {
    await expect(launch(harness.request("nowhere"))).rejects.toMatchObject({
      code: "start_failed",
      message: expect.stringContaining("executable file not found"),
    });
    expect(containers()).toEqual([]);
  });

  it.each([["missing"], ["n1", "missing"]])(
    "because of a network ends the launch (%s %s)",
    async (...networks) => {
      harness = await reopened({ networks });
      harness.docker.networks.add("n1");
      await expect(launch(harness.request("forever"))).rejects.toMatchObject({
        code: "start_failed",
        message: expect.stringContaining("network missing not found"),
      });
      expect(containers()).toEqual([]);
    },
  );

  it("right now gives up the launch for a later one", async () => {
    fault({ ...START, how: { status: 500, message: "driver failed: port is already allocated" } });
    const answer = await launch(harness.request("forever"));
    expect(answer).toMatchObject({
      type: "refused",
      message: expect.stringContaining("port is already"),
    });
    expect(containers()).toEqual([]);
  });

  it.each([
    [409, "You cannot remove a running container"],
    [500, "device is busy"],
  ])("right now, and not removed either, leaves the launch open (%i)", async (status, message) => {
    fault({ ...START, how: { status: 500, message: "context deadline exceeded" } });
    fault({ method: "DELETE", path: /./, how: { status, message } });
    const thrown = launch(harness.request("forever"));
    await expect(thrown).rejects.toThrow("context deadline exceeded");
    await expect(thrown).rejects.not.toBeInstanceOf(PermanentError);
    expect((await launch(harness.request("forever"))).type).toBe("launched");
    expect(harness.docker.starts).toBe(1);
  });

  it("on a machine without such a device ends the launch", async () => {
    const message = 'could not select device driver "" with capabilities: [[gpu]]';
    fault({ ...START, how: { status: 500, message } });
    await expect(launch(harness.request("forever"))).rejects.toMatchObject({
      code: "start_failed",
    });
  });

  it("counts as launched if it runs in spite of what the engine says", async () => {
    await launch(harness.request("forever"));
    // The name is taken, and by then the container is not yet started as far as the first look says.
    const [container] = containers();
    Object.assign(container ?? {}, { status: "created" });
    fault({ ...START, how: { status: 500, message: "context deadline exceeded" } });
    expect((await launch(harness.request("forever"))).type).toBe("launched");
    expect(containers()).toHaveLength(1);
  });

  it("is told of in a log line if it cannot be removed either", async () => {
    const warnings: unknown[] = [];
    const log = { info() {}, error() {}, warn: (...line: unknown[]) => void warnings.push(line) };
    fault({ method: "DELETE", path: /./, how: { status: 500, message: "device is busy" } });
    const backend = harness.open({ log });
    const plan = await backend.plan(launchRequest(harness.request("nowhere")));
    await expect(backend.launch(plan, key(), never())).rejects.toMatchObject({
      code: "start_failed",
    });
    expect(warnings).toEqual([
      ["container not removed", { container: NAME, reason: "device is busy" }],
    ]);
  });
});

describe("an engine that does not answer", () => {
  it("to a look at a container that may run leaves the launch open", async () => {
    await launch(harness.request("forever"));
    for (const how of ["cut", { status: 429, message: "slow down" }] as const) {
      fault({ ...LOOK, how });
      const thrown = launch(harness.request("forever"));
      await expect(thrown).rejects.toThrow("it is open whether");
    }
    expect(harness.docker.starts).toBe(1);
  });

  it("makes the launch unavailable if it was not reached", async () => {
    const plan = await harness.backend.plan(launchRequest(harness.request("forever")));
    await harness.docker.down();
    expect(await harness.backend.launch(plan, key(), never())).toMatchObject({
      type: "unavailable",
      message: expect.stringMatching(/tcp:.*cannot be reached \(ECONNREFUSED\)/),
    });
    await harness.docker.up();
    expect(await harness.backend.launch(plan, key(), never())).toMatchObject({ type: "launched" });
  });

  it("fails looks and searches, which are tried again", async () => {
    const answer = await launch(harness.request("forever"));
    const jobs = answer.type === "launched" ? [answer.job] : [];
    await harness.docker.down();
    await expect(harness.backend.inspect(jobs)).rejects.toThrow("cannot be reached");
    await expect(harness.backend.find(key())).rejects.toThrow("cannot be reached");
    await harness.docker.up();
    expect(await harness.backend.inspect(jobs)).toMatchObject([{ type: "running" }]);
  });

  it("is planned for as a new one, with a warning", async () => {
    await harness.docker.down();
    const { launch, warnings } = await harness.backend.plan(
      launchRequest(harness.request("forever")),
    );
    expect(launch).toMatchObject({
      create: { HostConfig: { ExtraHosts: ["host.docker.internal:host-gateway"] } },
    });
    expect(warnings).toEqual([expect.stringContaining("does not say its version")]);
  });

  it("is warned of once, until it has answered again", async () => {
    const { docker, backend, request } = harness;
    const warnings = async () => (await backend.plan(launchRequest(request("forever")))).warnings;
    await docker.down();
    expect(await warnings()).toHaveLength(1);
    expect(await warnings()).toEqual([]);
    await docker.up();
    expect(await warnings()).toEqual([]);
    await docker.down();
    docker.now = new Date(docker.now.getTime() + 11 * 60_000);
    expect(await warnings()).toHaveLength(1);
    await docker.up();
  });

  it("in time leaves the launch open", async () => {
    harness = await reopened({ docker_client_timeout: 0.2 });
    fault({ ...CREATE, how: "hang" });
    const thrown = launch(harness.request("forever"));
    await expect(thrown).rejects.toThrow("did not answer");
    await expect(thrown).rejects.not.toBeInstanceOf(PermanentError);
  });

  it("leaves the launch open when its time is over", async () => {
    fault({ ...CREATE, how: "hang" });
    const over = new AbortController();
    const plan = await harness.backend.plan(launchRequest(harness.request("forever")));
    const launched = harness.backend.launch(plan, key(), over.signal);
    await until(() => harness.docker.calls.includes("POST /containers/create"));
    over.abort(new Error("the lease is over"));
    await expect(launched).rejects.toThrow("the lease is over");
  });

  it("asked too often throttles the launch", async () => {
    fault({ ...CREATE, how: { status: 429, message: "slow down" } });
    expect(await launch(harness.request("forever"))).toEqual({
      type: "throttled",
      message: "slow down",
    });
  });

  it("with a fault of its own leaves the launch open", async () => {
    fault({ ...CREATE, how: { status: 500, message: "no space left on device" } });
    const thrown = launch(harness.request("forever"));
    await expect(thrown).rejects.toThrow("no space left");
    await expect(thrown).rejects.not.toBeInstanceOf(PermanentError);
  });

  it("refuses what it calls invalid, even as a fault of its own", async () => {
    fault({ ...CREATE, how: { status: 500, message: "invalid mode: bogus" } });
    await expect(launch(harness.request("forever"))).rejects.toMatchObject({ code: "rejected" });
  });
});

describe("an image", () => {
  it("is pulled before its container is made", async () => {
    harness.docker.registry["reg.example.com:5000/team/etl:2"] = {};
    expect((await launch(withImage("reg.example.com:5000/team/etl:2"))).type).toBe("launched");
    expect(harness.docker.calls.slice(1, 3)).toEqual([
      "POST /images/create",
      "POST /containers/create",
    ]);
  });

  it("without a tag is pulled as latest, and not with all its tags", async () => {
    harness.docker.registry["localhost:5000/etl:latest"] = {};
    await launch(withImage("localhost:5000/etl"));
    expect(received("/images/create")).toMatchObject({
      fromImage: "localhost:5000/etl",
      tag: "latest",
    });
  });

  it("with a digest is pulled by it", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    harness.docker.registry[`team/etl@${digest}`] = {};
    await launch(withImage(`team/etl:2@${digest}`)).catch(() => undefined);
    expect(received("/images/create")).toEqual({ fromImage: "team/etl", tag: digest });
  });

  it.each([
    ["said before the pull", { status: 404, message: "manifest unknown" }, "manifest unknown"],
    ["said within the pull", { streamed: "pull access denied for team/etl" }, "pull access denied"],
  ])("that cannot be had ends the launch with the engine's words, %s", async (_, offer, words) => {
    harness.docker.registry["team/etl:1"] = offer;
    await expect(launch(withImage("team/etl:1"))).rejects.toMatchObject({
      name: "PermanentError",
      code: "image",
      message: expect.stringContaining(words),
    });
    expect(containers()).toEqual([]);
  });

  it.each([
    ["unavailable", "net/http: TLS handshake timeout"],
    ["unavailable", "received unexpected HTTP status: 503 Service Unavailable"],
    ["unavailable", "dial tcp 10.0.0.1:443: connect: connection refused"],
    ["throttled", "toomanyrequests: You have reached your pull rate limit"],
  ])("of a registry in trouble makes the launch %s: %s", async (type, streamed) => {
    harness.docker.registry["team/etl:1"] = { streamed };
    expect(await launch(withImage("team/etl:1"))).toMatchObject({ type });
    expect(containers()).toEqual([]);
  });

  it("that takes too long is pulled on by the next try", async () => {
    harness.docker.registry["team/etl:1"] = {};
    fault({ ...PULL, how: "hang" });
    const over = new AbortController();
    const plan = await harness.backend.plan(launchRequest(withImage("team/etl:1")));
    const launched = harness.backend.launch(plan, key(), over.signal);
    await until(() => harness.docker.calls.includes("POST /images/create"));
    over.abort();
    expect(await launched).toMatchObject({
      type: "unavailable",
      message: expect.stringContaining("takes longer than one launch may"),
    });
    expect((await launch(withImage("team/etl:1"))).type).toBe("launched");
  });

  it("is awaited if the connection breaks while it is pulled", async () => {
    harness.docker.registry["team/etl:1"] = {};
    fault({ ...PULL, how: "cut" });
    expect(await launch(withImage("team/etl:1"))).toMatchObject({ type: "unavailable" });
  });

  it("that is not pulled and not there ends the launch", async () => {
    await expect(launch(withImage("nothing"))).rejects.toMatchObject({
      code: "image",
      message: expect.stringMatching(/has no image nothing.*not pulled/),
    });
  });

  it("is only pulled if it is missing, where a flow runner says so", async () => {
    harness.docker.registry["team/etl:1"] = {};
    const parts = runner({ image: "team/etl:1", image_pull_policy: "IF_NOT_PRESENT" });
    await launch(parts);
    await launch({ ...parts, launch: 2 });
    expect(harness.docker.calls.filter((call) => call === "POST /images/create")).toHaveLength(1);
    expect(harness.docker.starts).toBe(2);
  });

  it("is pulled with the login of its registry", async () => {
    const login = { username: "robot", password: { secret: "env:TOKEN" } };
    harness = await reopened({ registry_auth: { "reg.example.com": login } });
    harness.docker.registry["reg.example.com/etl:1"] = {};
    const backend = harness.open({ secret: async (reference) => `value of ${reference}` });
    const plan = await backend.plan(launchRequest(withImage("reg.example.com/etl:1")));
    await backend.launch(plan, key(), never());
    const auth = harness.docker.received.find(({ url }) => url.startsWith("/images/create"))?.auth;
    expect(JSON.parse(Buffer.from(auth ?? "", "base64url").toString())).toEqual({
      username: "robot",
      password: "value of env:TOKEN",
      serveraddress: "reg.example.com",
    });
  });

  it("without a registry in its name is pulled with the login of Docker Hub", async () => {
    harness = await reopened({ registry_auth: { "docker.io": { username: "a", password: "b" } } });
    harness.docker.registry["team/etl:1"] = {};
    await launch(withImage("team/etl:1"));
    const auth = harness.docker.received.find(({ url }) => url.startsWith("/images/create"))?.auth;
    expect(JSON.parse(Buffer.from(auth ?? "", "base64url").toString())).toMatchObject({
      serveraddress: "https://index.docker.io/v1/",
    });
  });

  it("is pulled without a login from other registries", async () => {
    harness = await reopened({
      registry_auth: { "reg.example.com": { username: "a", password: "b" } },
    });
    harness.docker.registry["other.example.com/etl:1"] = {};
    await launch(withImage("other.example.com/etl:1"));
    expect(harness.docker.received.every(({ auth }) => auth === undefined)).toBe(true);
  });
});

describe("a named volume of the agent", () => {
  it("is made if it is missing", async () => {
    harness = await reopened({ volumes: ["cache:/cache", "/data"] });
    await launch(harness.request("forever"));
    await launch({ ...harness.request("forever"), launch: 2 });
    expect(harness.docker.volumes.get("cache")).toMatchObject({ Driver: "local" });
    expect(harness.docker.volumes.size).toBe(1);
    expect(harness.docker.calls.filter((call) => call === "POST /volumes/create")).toHaveLength(1);
  });

  it("that the engine refuses ends the launch", async () => {
    harness = await reopened({ volumes: ["cache:/cache"] });
    fault({ method: "POST", path: /volumes/, how: { status: 400, message: "invalid name" } });
    await expect(launch(harness.request("forever"))).rejects.toMatchObject({ code: "rejected" });
  });
});

describe("an agent whose engine has changed", () => {
  it("sees its jobs there though the engine it has left is gone", async () => {
    const before = await launch(harness.request("forever"));
    const other = await openDocker();
    try {
      const moved = other.open();
      const plan = await moved.plan(launchRequest(other.request("forever")));
      const after = await moved.launch(plan, { ...key(), target: other.docker.url }, never());
      const jobs = [before, after].flatMap((answer) =>
        answer.type === "launched" ? [answer.job] : [],
      );
      await harness.docker.down();
      expect(await moved.inspect(jobs)).toMatchObject([undefined, { type: "running" }]);
      await other.docker.down();
      await expect(moved.inspect(jobs)).rejects.toThrow("cannot be reached");
      await Promise.all([harness.docker.up(), other.docker.up()]);
    } finally {
      await other.close();
    }
  });

  it("launches where the launch was begun", async () => {
    const other = await openDocker();
    try {
      const plan = await other.backend.plan(launchRequest(other.request("forever")));
      expect(await other.backend.launch(plan, key(), never())).toMatchObject({
        type: "launched",
        job: { ref: { target: harness.docker.url } },
      });
      expect([harness.docker.starts, other.docker.starts]).toEqual([1, 0]);
    } finally {
      await other.close();
    }
  });

  it("still finds, sees and cancels jobs on the engine they are on", async () => {
    const answer = await launch(harness.request("forever"));
    const other = await openDocker();
    try {
      const moved = other.open();
      expect(await moved.find(key())).toEqual(answer.type === "launched" ? [answer.job] : []);
      const jobs = await moved.find(key());
      expect(await moved.inspect(jobs)).toMatchObject([{ type: "running" }]);
      if (jobs[0] !== undefined) await moved.cancel(jobs[0]);
      expect(containers()[0]?.status).toBe("exited");
    } finally {
      await other.close();
    }
  });
});

async function launch(
  parts: RequestParts,
  { other = false }: { readonly other?: boolean } = {},
): Promise<LaunchAnswer> {
  const backend = other ? harness.open() : harness.backend;
  const request = launchRequest(parts);
  const plan = await backend.plan(request);
  return backend.launch(plan, { ...key(), launch: request.launch }, never());
}

async function reopened(options: JsonObject): Promise<DockerHarness> {
  await harness.close();
  return openDocker(options);
}

function withImage(image: string): RequestParts {
  return { ...harness.request("forever"), config: { options: { image } } };
}

function withHostConfig(host_config: JsonObject): RequestParts {
  return { ...harness.request("forever"), config: { options: { image: IMAGE, host_config } } };
}

function runner(options: JsonObject): RequestParts {
  return { ...harness.request("forever"), config: { dialect: "orion", type: "docker", options } };
}

function containers(): FakeContainer[] {
  return [...harness.docker.containers.values()];
}

function fault(fault: Fault): void {
  harness.docker.faults.push(fault);
}

function key() {
  return { runId: "run-1", launch: 1, target: harness.docker.url };
}

function received(path: string): Record<string, string> {
  const call = harness.docker.received.find(({ url }) => url.startsWith(path));
  return Object.fromEntries(new URL(call?.url ?? "", "http://engine").searchParams);
}

async function foreign(name: string, labels: JsonObject): Promise<void> {
  await fetch(`${harness.docker.url.replace("tcp", "http")}/containers/create?name=${name}`, {
    method: "POST",
    body: JSON.stringify({ Image: IMAGE, Labels: labels }),
  });
}

/** Waits until something is so; the test's own time limit is the only one. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await sleep(5);
}

function never(): AbortSignal {
  return new AbortController().signal;
}
