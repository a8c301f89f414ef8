import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, World } from "../../../src/backend.ts";
import { type Address, addressOf } from "../../../src/backends/docker/address.ts";
import { type DockerApi, dockerApi } from "../../../src/backends/docker/api.ts";
import { tidier } from "../../../src/backends/docker/tidy.ts";
import { openTransport } from "../../../src/backends/docker/transport.ts";
import type { Job } from "../../../src/run.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { type DockerHarness, IMAGE, openDocker } from "./harness.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let harness: DockerHarness;
/** The launches whose end is stored. */
let over: Set<number>;
let warnings: unknown[][];
/** Called after each removal. */
let removed: () => void;
beforeEach(async () => {
  harness = await openDocker();
  over = new Set();
  warnings = [];
  removed = () => undefined;
});
afterEach(() => harness.close());

describe("a container that removes itself", () => {
  it("is kept until its end is stored, however often, late and by whom is tidied up", async () => {
    const done = await launched("exit", 1);
    harness.docker.tick();
    for (let day = 0; day < 3; day++) {
      await openTidier()();
      expect(await harness.backend.inspect([done])).toMatchObject([{ end: "succeeded" }]);
      later(DAY);
    }
    over.add(1);
    await openTidier()();
    expect(names()).toEqual([]);
    // With it go the volumes that have no name, and nothing is killed for it.
    expect(harness.docker.received.at(-1)?.url).toBe(`/containers/${idOf(done)}?v=true`);
  });

  it("is kept for half an hour after its end, however old it is, so that its log can be read", async () => {
    const long = await launched("forever", 1);
    over.add(1);
    later(DAY);
    harness.docker.end(idOf(long), 0);
    const tidy = openTidier();
    await tidy();
    later(30 * MINUTE - 1);
    await tidy();
    expect(names()).toEqual(["sluice-run-1-1"]);
    later(5 * MINUTE);
    await tidy();
    expect(names()).toEqual([]);
  });

  it("is not removed while it runs, though its run was given up", async () => {
    await launched("forever", 1);
    over.add(1);
    later(DAY);
    await openTidier()();
    expect(names()).toEqual(["sluice-run-1-1"]);
  });

  it("is removed if it was made and never started, once its run is over", async () => {
    harness.docker.faults.push({ method: "POST", path: /start$/, how: "cut" });
    await expect(launched("forever", 1)).rejects.toThrow();
    later(DAY);
    await openTidier()();
    expect(names()).toEqual(["sluice-run-1-1"]);
    over.add(1);
    await openTidier()();
    expect(names()).toEqual([]);
  });

  it("is found by the next process if the one that should remove it dies in the middle", async () => {
    for (const launch of [1, 2, 3]) {
      await launched("exit", launch);
      over.add(launch);
    }
    harness.docker.tick();
    later(DAY);
    const dying = new AbortController();
    const isOver = async () => {
      if (names().length === 2) dying.abort();
      return true;
    };
    await openTidier({ isOver, closing: dying.signal })();
    expect(names()).toHaveLength(1);
    await openTidier()();
    expect(names()).toEqual([]);
  });

  it("is removed by tidying, whichever jobs were looked at, and by no look", async () => {
    await launched("exit", 1);
    const other = await launched("forever", 2);
    over.add(1);
    harness.docker.tick();
    later(DAY);
    const isOver = async (_: string, launch: number) => over.has(launch);
    const backend = harness.open({ isOver });
    expect(await backend.inspect([other])).toMatchObject([{ type: "running" }]);
    expect(names()).toHaveLength(2);
    await backend.tidy?.([other], never());
    expect(names()).toEqual(["sluice-run-1-2"]);
  });

  it("leaves all others where they are", async () => {
    const kept = { options: { image: IMAGE, host_config: { auto_remove: false } } };
    await launched("exit", 1, { config: kept });
    over.add(1);
    harness.docker.tick();
    later(9 * DAY);
    await openTidier()();
    await openTidier({}, "another agent")();
    expect(names()).toEqual(["sluice-run-1-1"]);
  });

  it("is left to its own installation, though another one has ended a run of the same id", async () => {
    await launched("exit", 1);
    await launched("exit", 1, { backend: harness.open({ installation: "sluice-dev" }) });
    over.add(1);
    harness.docker.tick();
    later(DAY);
    await openTidier({ installation: "sluice-prod" })();
    expect(names()).toHaveLength(2);
    await openTidier()();
    expect(names()).toEqual(["sluice-sluice-dev.run-1-1"]);
    await openTidier({ installation: "sluice-dev" })();
    expect(names()).toEqual([]);
  });

  it("is tried again if it cannot be removed, which is told", async () => {
    await launched("exit", 1);
    over.add(1);
    harness.docker.tick();
    later(2 * DAY);
    const how = { status: 500, message: "busy" };
    harness.docker.faults.push({ method: "DELETE", path: /./, how });
    const tidy = openTidier();
    await tidy();
    expect(warnings).toEqual([
      ["ended containers not removed", { target: harness.docker.url, failures: 1, reason: "busy" }],
    ]);
    later(5 * MINUTE);
    await tidy();
    expect(names()).toEqual([]);
  });

  it("is looked for every five minutes at most, and by one at a time", async () => {
    const tidy = openTidier();
    await Promise.all([tidy(), tidy()]);
    later(5 * MINUTE - 1);
    await tidy();
    expect(lists()).toBe(1);
    later(1);
    await tidy();
    expect(lists()).toBe(2);
  });

  it("is removed as long as there is time, and not while the process closes", async () => {
    await ended(21);
    const before = harness.docker.calls.length;
    await openTidier({ closing: AbortSignal.abort() })();
    const tidy = openTidier();
    await tidy(AbortSignal.abort());
    expect(harness.docker.calls).toHaveLength(before);
    await tidy(timeFor(20));
    expect(names()).toHaveLength(1);
    // More may end in five minutes than there is time for after one look.
    await tidy();
    expect(names()).toEqual([]);
  });

  it("leaves none behind one that cannot be removed", async () => {
    await ended(22);
    const how = { status: 500, message: "busy" };
    for (let times = 0; times < 2; times++)
      harness.docker.faults.push({ method: "DELETE", path: /./, how });
    const tidy = openTidier();
    await tidy();
    expect(names()).toHaveLength(2);
    later(5 * MINUTE);
    await tidy();
    expect(names()).toEqual([]);
    expect(warnings).toEqual([
      ["ended containers not removed", { target: harness.docker.url, failures: 2, reason: "busy" }],
    ]);
  });

  it("leaves none behind twenty that can never be removed", async () => {
    await ended(25);
    refuse([...harness.docker.containers.keys()].slice(-20));
    const tidy = openTidier();
    await tidy(timeFor(20));
    expect(names()).toHaveLength(25);
    await tidy();
    expect(names()).toHaveLength(20);
    // Those twenty are left alone until the next pass, which tries them all again.
    await tidy();
    expect(removals()).toBe(25);
    harness.docker.faults.length = 0;
    later(5 * MINUTE);
    await tidy();
    expect(names()).toEqual([]);
  });

  it("is tried once in five minutes by an engine that refuses to remove any", async () => {
    await ended(25);
    for (let pass = 0; pass < 2; pass++) refuse([...harness.docker.containers.keys()]);
    const tidy = openTidier();
    const tries: number[] = [];
    for (const wait of [0, 0, 0, 5 * MINUTE - 1, 1, 0, 0]) {
      later(wait);
      await tidy();
      tries.push(removals());
    }
    expect(tries).toEqual([25, 25, 25, 25, 50, 50, 50]);
    expect(names()).toHaveLength(25);
  });

  it("is removed though there is never time for all that are kept before it", async () => {
    await ended(30);
    // The engine lists the newest first.
    for (let launch = 6; launch <= 30; launch++) over.delete(launch);
    const asked: number[] = [];
    let time = new AbortController();
    const isOver = async (_: string, launch: number) => {
      if (asked.push(launch) % 10 === 0) time.abort();
      return over.has(launch);
    };
    const tidy = openTidier({ isOver });
    for (let call = 0; call < 4; call++) {
      time = new AbortController();
      await tidy(time.signal);
    }
    expect(asked).toEqual(Array.from({ length: 30 }, (_, index) => 30 - index));
    expect(names()).toHaveLength(25);
    expect(lists()).toBe(1);
  });

  it("is listed again after five minutes where the list did not come", async () => {
    await ended(1);
    const how = { status: 500, message: "busy" };
    harness.docker.faults.push({ method: "GET", path: /containers\/json$/, how });
    const tidy = openTidier();
    for (const wait of [0, 0, 5 * MINUTE - 1]) {
      later(wait);
      await tidy();
    }
    expect([names().length, lists(), warnings.length]).toEqual([1, 1, 1]);
    later(1);
    await tidy();
    expect(names()).toEqual([]);
  });

  it("is left to others by a process that cannot know what is stored", async () => {
    await launched("exit", 1);
    harness.docker.tick();
    later(DAY);
    await openTidier({ isOver: undefined })();
    expect(names()).toHaveLength(1);
  });
});

/** A tidier as each process opens one. */
function openTidier(
  more: Omit<Partial<World>, "isOver"> & { readonly isOver?: World["isOver"] | undefined } = {},
  agent = harness.agent.name,
): (signal?: AbortSignal) => Promise<void> {
  const api = dockerApi(openTransport(addressOf(harness.docker.url) as Address, 5));
  const remove: DockerApi["remove"] = (id) => api.remove(id).finally(() => removed());
  const { isOver, ...rest } = { ...world(), ...more };
  const known = { ...rest, ...(isOver === undefined ? {} : { isOver }) };
  const tidy = tidier({ ...api, remove }, agent, known);
  return (signal = never()) => tidy(signal);
}

/** A signal that is aborted after this many removals, whether or not they succeed. */
function timeFor(removals: number): AbortSignal {
  const enough = new AbortController();
  let left = removals;
  removed = () => {
    left -= 1;
    if (left === 0) enough.abort();
  };
  return enough.signal;
}

function world() {
  return {
    now: () => harness.docker.now,
    log: { info() {}, error() {}, warn: (...line) => void warnings.push(line) } as World["log"],
    closing: never(),
    isOver: async (runId: string, launch: number) => runId === "run-1" && over.has(launch),
  };
}

async function launched(
  what: string,
  launch: number,
  { backend = harness.backend, ...parts }: RequestParts & { readonly backend?: Backend } = {},
): Promise<Job> {
  const command = what === "exit" ? ["exit", "0"] : [what];
  const request = launchRequest({ ...harness.request(...command), ...parts, launch });
  const plan = await backend.plan(request);
  const key = { runId: "run-1", launch, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  return answer.job;
}

/** Leaves `count` containers that ended a day ago, whose ends are stored. */
async function ended(count: number): Promise<void> {
  for (let launch = 1; launch <= count; launch++) {
    await launched("exit", launch);
    over.add(launch);
  }
  harness.docker.tick();
  later(DAY);
}

/** Each of these containers is not removed once. */
function refuse(ids: readonly string[]): void {
  const how = { status: 409, message: "removal is already in progress" };
  for (const id of ids)
    harness.docker.faults.push({ method: "DELETE", path: new RegExp(`/${id}$`), how });
}

/** How often the engine was told to remove a container. */
function removals(): number {
  return harness.docker.calls.filter((call) => call.startsWith("DELETE ")).length;
}

/** How often the engine was asked for its containers. */
function lists(): number {
  return harness.docker.calls.filter((call) => call === "GET /containers/json").length;
}

/** The containers that are left. */
function names(): string[] {
  return [...harness.docker.containers.values()].map(({ name }) => name);
}

function later(ms: number): void {
  harness.docker.now = new Date(harness.docker.now.getTime() + ms);
}

function idOf(job: Job): string {
  return String(job.ref["container"]);
}
