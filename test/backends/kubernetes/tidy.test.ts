import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
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

/** So many ticks, a minute apart, that ask about these jobs. */
async function ticks(backend: Backend, jobs: readonly Job[], minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    fake.advance(1, 60);
    await backend.inspect(jobs);
  }
}

function isThere({ id }: Job): boolean {
  return fake.store.jobs.some(({ metadata }) => `${metadata.namespace}/${metadata.name}` === id);
}

describe("finished Jobs", () => {
  it("are deleted with their pods an hour after nobody asks about them any more", async () => {
    const backend = openOn(fake);
    const done = await launched(backend, ["exit", "0"]);
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    await backend.inspect([done, other]);
    await ticks(backend, [other], 59);
    expect(isThere(done)).toBe(true);
    await ticks(backend, [other], 2);
    fake.advance(2);
    expect(isThere(done)).toBe(false);
    expect(fake.store.pods).toHaveLength(1);
    expect(isThere(other)).toBe(true);
  });

  it("are kept as long as they are asked about: their end is not stored yet", async () => {
    const backend = openOn(fake);
    const done = await launched(backend, ["exit", "0"]);
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    for (let round = 0; round < 10; round++) {
      await backend.inspect([done, other]);
      await ticks(backend, [other], 10);
    }
    expect(isThere(done)).toBe(true);
  });

  it("are kept when the dispatcher comes back from a pause, until another hour is over", async () => {
    const backend = openOn(fake);
    const done = await launched(backend, ["exit", "0"]);
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    await backend.inspect([done, other]);
    fake.advance(1, 3 * 3600);
    await backend.inspect([other]);
    expect(isThere(done)).toBe(true);
    await ticks(backend, [other], 61);
    expect(isThere(done)).toBe(false);
  });

  it("are never deleted unseen", async () => {
    const backend = openOn(fake);
    const unseen = await launched(backend, ["exit", "0"]);
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    await ticks(backend, [other], 90);
    expect(isThere(unseen)).toBe(true);
  });

  it("are asked to be deleted again where that failed, and inspecting goes on", async () => {
    const backend = openOn(fake);
    const done = await launched(backend, ["exit", "0"]);
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    await backend.inspect([done, other]);
    fake.faults.push({ method: "DELETE", path: /jobs/, answer: { status: 403, message: "no" } });
    await ticks(backend, [other], 60);
    expect(isThere(done)).toBe(true);
    await ticks(backend, [other], 1);
    expect(isThere(done)).toBe(false);
  });

  it("are deleted by Kubernetes a day after their end if nobody else does", async () => {
    const done = await launched(openOn(fake), ["exit", "0"]);
    fake.advance(5);
    fake.advance(23, 3600);
    expect(isThere(done)).toBe(true);
    fake.advance(2, 3600);
    expect(isThere(done)).toBe(false);
  });

  it("stay where delete_finished_jobs is off", async () => {
    const backend = openOn(fake, { delete_finished_jobs: false });
    const done = await launched(backend, ["exit", "0"]);
    const other = await launched(backend, ["run"]);
    fake.advance(5);
    await backend.inspect([done, other]);
    await ticks(backend, [other], 120);
    fake.advance(48, 3600);
    expect(isThere(done)).toBe(true);
  });
});
