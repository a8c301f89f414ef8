import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import type { JsonObject } from "../../../src/json.ts";
import { silentLogger } from "../../../src/log.ts";
import type { Job } from "../../../src/run.ts";
import { never, newId } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { type FakeKubernetes, fakeKubernetes } from "../../fakes/kubernetes.ts";
import { openOn, parts } from "./harness.ts";

let fake: FakeKubernetes;
beforeEach(async () => {
  fake = await fakeKubernetes();
});
afterEach(() => fake.close());

async function launched(backend: Backend, command: readonly string[]): Promise<Job> {
  const request = launchRequest(parts(command, { runId: newId() }));
  const plan = await backend.plan(request);
  const key = { runId: request.run.id, launch: 1, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  return answer.job;
}

/** A store that knows which launches are over; and what was logged. */
let over: Set<string>;
let lines: string[];
beforeEach(() => {
  over = new Set();
  lines = [];
});

function open(options: JsonObject = {}): Backend {
  return openOn(fake, options, {
    isOver: async (runId, launch) => over.has(`${runId}/${launch}`),
    log: { ...silentLogger, warn: (message) => void lines.push(message) },
  });
}

function store({ ref }: Job): void {
  over.add(`${String(ref["run"])}/1`);
}

function isThere({ id }: Job): boolean {
  return fake.store.jobs.some(({ metadata }) => `${metadata.namespace}/${metadata.name}` === id);
}

/** Two Jobs, one of which has ended `minutes` ago. */
async function oneEnded(backend: Backend, minutes: number): Promise<{ done: Job; other: Job }> {
  const done = await launched(backend, ["exit", "0"]);
  const other = await launched(backend, ["run"]);
  fake.advance(5);
  fake.advance(1, minutes * 60);
  return { done, other };
}

describe("finished Jobs", () => {
  it("are deleted with their pods an hour after their end, once that is stored", async () => {
    const { done, other } = await oneEnded(open(), 59);
    store(done);
    await open().inspect([other]);
    expect(isThere(done)).toBe(true);
    fake.advance(1, 60);
    await open().inspect([other]);
    fake.advance(2);
    expect([isThere(done), isThere(other)]).toEqual([false, true]);
    expect(fake.store.pods).toHaveLength(1);
  });

  it("are kept as long as their end is not stored, however long that takes", async () => {
    const backend = open();
    const { done, other } = await oneEnded(backend, 60);
    for (let day = 0; day < 7; day++) {
      await backend.inspect([other]);
      fake.advance(1, 86_400);
    }
    expect(await open().inspect([done])).toMatchObject([{ type: "ended", end: "succeeded" }]);
    store(done);
    await open().inspect([other]);
    expect(isThere(done)).toBe(false);
  });

  it("are those of Sluice that say so; what goes on is never deleted", async () => {
    const { done, other } = await oneEnded(open({ delete_finished_jobs: false }), 120);
    store(done);
    store(other);
    await open().inspect([other]);
    expect([isThere(done), isThere(other)]).toEqual([true, true]);
  });

  it("are left alone by an agent that keeps its own, and where nobody knows what is stored", async () => {
    const { done, other } = await oneEnded(open(), 120);
    store(done);
    await open({ delete_finished_jobs: false }).inspect([other]);
    await openOn(fake).inspect([other]);
    expect(isThere(done)).toBe(true);
  });

  it("are looked for every five minutes", async () => {
    const backend = open();
    const { other } = await oneEnded(backend, 60);
    const sweeps = () => fake.requests.filter((request) => request.includes("delete-finished"));
    await backend.inspect([other]);
    fake.advance(1, 299);
    await backend.inspect([other]);
    expect(sweeps()).toHaveLength(1);
    fake.advance(1, 1);
    await backend.inspect([other]);
    expect(sweeps()).toHaveLength(2);
  });

  it("are deleted in parts, one after each look, where there are many", async () => {
    const backend = open();
    for (let index = 0; index < 130; index++) store(await launched(backend, ["exit", "0"]));
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    fake.advance(1, 3_600);
    const left = async () => {
      await backend.inspect([other]);
      return fake.store.jobs.length;
    };
    expect([await left(), await left(), await left()]).toEqual([31, 1, 1]);
  });

  it("are asked to be deleted again where that failed, and inspecting goes on", async () => {
    const backend = open();
    const { done, other } = await oneEnded(backend, 60);
    store(done);
    fake.faults.push({ method: "DELETE", path: /jobs/, answer: { status: 403, message: "no" } });
    expect(await backend.inspect([other])).toMatchObject([{ type: "running" }]);
    expect(lines).toEqual(["finished jobs not deleted yet"]);
    fake.advance(1, 300);
    await backend.inspect([other]);
    expect(isThere(done)).toBe(false);
  });

  it("that somebody else has deleted do no harm", async () => {
    const { done, other } = await oneEnded(open(), 60);
    store(done);
    fake.faults.push({ method: "DELETE", path: /jobs/, answer: { status: 404 } });
    await open().inspect([other]);
    expect(lines).toEqual([]);
  });
});
