import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, Machine, World } from "../../../src/backend.ts";
import { type Address, addressOf } from "../../../src/backends/docker/address.ts";
import { EngineError } from "../../../src/backends/docker/errors.ts";
import { openIdentity } from "../../../src/backends/docker/identity.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { type DockerHarness, openDocker } from "./harness.ts";

const SOCKET = addressOf("unix:///var/run/docker.sock") as Address;
const TCP = addressOf("tcp://10.0.0.2:2375") as Address;
const NOW = new Date("2026-11-21T12:00:00.000Z");

/** A machine of this name; others may have worked beside it, whose jobs are given up or not. */
function machine(id = "bench", othersLost = false): Machine {
  return { id: async () => id, othersLost: async () => othersLost };
}

function identityOf(address: Address, names: string[], id = "bench", now = () => NOW) {
  const asked: string[] = [];
  const api = {
    id: async () => {
      const [name = ""] = names.length > 1 ? names.splice(0, 1) : names;
      asked.push(name);
      return name;
    },
  };
  return { asked, ...openIdentity(api, address, { machine: machine(id), now }) };
}

describe("the target of launches at an engine", () => {
  it("is its address and what the engine calls itself", async () => {
    expect(await identityOf(TCP, ["7TRN:IPZB"]).target()).toBe("tcp://10.0.0.2:2375#7TRN:IPZB");
  });

  it("is another one on each machine where the address is the same on all", async () => {
    const cloned = ["7TRN:IPZB"];
    const first = await identityOf(SOCKET, cloned, "one").target();
    expect(first).toBe("unix:///var/run/docker.sock#one+7TRN:IPZB");
    expect(await identityOf(SOCKET, cloned, "two").isOther(first)).toBe(true);
    expect(await identityOf(SOCKET, ["other"], "one").isOther(first)).toBe(true);
    expect(await identityOf(SOCKET, cloned, "one").isOther(first)).toBe(false);
  });

  it("does without the name of an engine that says another one each time, or none", async () => {
    const fickle = () => ["a", "b", "c"];
    expect(await identityOf(TCP, fickle()).target()).toBe("tcp://10.0.0.2:2375");
    expect(await identityOf(TCP, [""]).target()).toBe("tcp://10.0.0.2:2375");
    const socket = await identityOf(SOCKET, fickle()).target();
    expect(socket).toBe("unix:///var/run/docker.sock#bench");
  });

  it("does without the name where a proxy keeps it back, and fails while the engine does", async () => {
    const failing = (status: number) => {
      const api = { id: () => Promise.reject(new EngineError(status, "no")) };
      return openIdentity(api, SOCKET, { machine: machine(), now: () => NOW });
    };
    const target = "unix:///var/run/docker.sock#bench";
    expect(await failing(403).target()).toBe(target);
    await expect(failing(500).isOther(target)).rejects.toThrow("no");
    await expect(failing(500).isHere(target)).rejects.toThrow("no");
  });

  it("is asked for every ten minutes, and whenever something is missing", async () => {
    let now = NOW;
    const { asked, target, isOther } = identityOf(TCP, ["a"], "bench", () => now);
    await target();
    await target();
    expect(asked).toHaveLength(3);
    await isOther(await target());
    expect(asked).toHaveLength(4);
    now = new Date(NOW.getTime() + 600_000);
    await target();
    expect(asked).toHaveLength(5);
  });

  it("is the address alone, and nobody is asked, where machines are not told apart", async () => {
    const api = { id: () => Promise.reject(new Error("asked")) };
    const { target, isOther } = openIdentity(api, SOCKET, { now: () => NOW });
    expect(await target()).toBe("unix:///var/run/docker.sock");
    expect(await isOther("unix:///var/run/docker.sock#other")).toBe(false);
  });
});

describe("a container of an engine that has been replaced at its address", () => {
  let harness: DockerHarness;
  beforeEach(async () => {
    harness = await openDocker();
  });
  afterEach(() => harness.close());

  const open = (othersLost: boolean, world: Partial<World> = {}) =>
    harness.open({ machine: machine("bench", othersLost), ...world });

  async function planned(backend: Backend, launch = 1) {
    const plan = await backend.plan(launchRequest({ ...harness.request("forever"), launch }));
    return { plan, key: { runId: "run-1", launch, target: plan.target } };
  }

  async function launched(backend: Backend, launch = 1) {
    const { plan, key } = await planned(backend, launch);
    const answer = await backend.launch(plan, key, never());
    if (answer.type !== "launched") throw new Error(answer.message);
    return { key, job: answer.job };
  }

  it("says nothing of its job, until the jobs of other machines are given up", async () => {
    const backend = open(false);
    const { job, key } = await launched(backend);
    expect(job.ref["target"]).toBe(`${harness.docker.url}#7TRN:IPZB`);
    harness.docker.containers.clear();
    harness.docker.names = ["OTHER"];
    expect(await backend.inspect([job])).toEqual([undefined]);
    await expect(backend.find(key)).rejects.toThrow("was begun at");
    await expect(backend.cancel(job)).rejects.toThrow("which may come back");
    await expect(backend.logs?.(job)).rejects.toMatchObject({ code: "unsupported" });
    const alone = open(true);
    expect(await alone.inspect([job])).toMatchObject([
      { end: "crashed", cause: { type: "lost", message: expect.stringContaining("7TRN:IPZB") } },
    ]);
    expect(await alone.find(key)).toEqual([]);
    await alone.cancel(job);
  });

  it("is lost at once if the engine is the same and does not know it", async () => {
    const backend = open(false);
    const { job, key } = await launched(backend);
    harness.docker.containers.clear();
    expect(await backend.inspect([job])).toMatchObject([{ cause: { type: "lost" } }]);
    expect(await backend.find(key)).toEqual([]);
    await backend.cancel(job);
    await expect(backend.logs?.(job)).rejects.toMatchObject({ code: "not_found" });
  });

  it("is known wherever it is found, as when a data folder was lost", async () => {
    const { job, key } = await launched(open(false));
    harness.docker.names = ["OTHER"];
    expect(await open(false).inspect([job])).toMatchObject([{ type: "running" }]);
    expect(await open(false).find(key)).toEqual([job]);
  });

  it("is not launched there, for the plan was made for the other one", async () => {
    const backend = open(false);
    const { plan, key } = await planned(backend);
    harness.docker.names = ["OTHER"];
    expect(await backend.launch(plan, key, never())).toMatchObject({
      type: "unavailable",
      message: expect.stringContaining("another engine listens at"),
    });
    await harness.docker.down();
    expect(await backend.launch(plan, key, never())).toMatchObject({ type: "unavailable" });
    expect(harness.docker.starts).toBe(0);
  });

  it("is planned without any engine, and launched only once it is known for which one", async () => {
    const backend = open(false);
    await harness.docker.down();
    const { plan, key } = await planned(backend);
    expect(key.target).toBe(harness.docker.url);
    expect(plan.warnings).toHaveLength(1);
    expect(await backend.launch(plan, key, never())).toMatchObject({ type: "unavailable" });
    await harness.docker.up();
    expect(await backend.launch(plan, key, never())).toMatchObject({ type: "unavailable" });
    expect(harness.docker.starts).toBe(0);
    expect((await launched(backend)).key.target).toBe(`${harness.docker.url}#7TRN:IPZB`);
  });

  it("says nothing of its job while the engine does not say who it is", async () => {
    const backend = open(false);
    const { job } = await launched(backend);
    const { job: kept } = await launched(backend, 2);
    harness.docker.containers.delete(String(job.ref["container"]));
    const how = { status: 500, message: "busy" };
    harness.docker.faults.push({ method: "GET", path: /info/, how });
    const running = { type: "running" };
    expect(await backend.inspect([job, kept])).toMatchObject([undefined, running]);
    const lost = { cause: { type: "lost" } };
    expect(await backend.inspect([job, kept])).toMatchObject([lost, running]);
  });

  it("reports its end as a job of its engine", async () => {
    const seen: unknown[] = [];
    const closing = new AbortController();
    const observe: World["observe"] = (_, { job }) => void seen.push(job);
    const backend = open(false, { observe, closing: closing.signal });
    const { job } = await launched(backend);
    while (!harness.docker.calls.includes("GET /events")) await new Promise(setImmediate);
    harness.docker.end(String(job.ref["container"]), 0);
    while (seen.length === 0) await new Promise(setImmediate);
    closing.abort();
    expect(seen).toEqual([job]);
  });
});
