import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { World } from "../../../src/backend.ts";
import { attend, isForgotten } from "../../../src/backends/docker/sweep.ts";
import type { Job } from "../../../src/run.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { type DockerHarness, IMAGE, openDocker } from "./harness.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let harness: DockerHarness;
beforeEach(async () => {
  harness = await openDocker();
});
afterEach(() => harness.close());

describe("a container that removes itself", () => {
  it("is still there when its end is asked for again and again", async () => {
    const [done, other] = [await launched("exit", 1), await launched("forever", 2)];
    harness.docker.tick();
    for (let minute = 0; minute < 120; minute += 5) {
      const [status] = await harness.backend.inspect([done, other]);
      expect(status).toMatchObject({ type: "ended", end: "succeeded" });
      later(5 * MINUTE);
    }
  });

  it("is removed once nobody has asked for half an hour, while others were asked about", async () => {
    const [done, other] = [await launched("exit", 1), await launched("forever", 2)];
    harness.docker.tick();
    await harness.backend.inspect([done, other]);
    for (let minute = 0; minute < 30; minute += 10) {
      expect(harness.docker.containers.has(idOf(done))).toBe(true);
      later(10 * MINUTE);
      await harness.backend.inspect([other]);
    }
    expect(harness.docker.containers.has(idOf(done))).toBe(false);
    expect(harness.docker.containers.has(idOf(other))).toBe(true);
    // With it go the volumes that have no name, and nothing is killed for it.
    expect(harness.docker.received.at(-1)?.url).toBe(`/containers/${idOf(done)}?v=true`);
  });

  it("is kept while nobody was asked about at all: its end may not be stored yet", async () => {
    const [done, other] = [await launched("exit", 1), await launched("forever", 2)];
    harness.docker.tick();
    await harness.backend.inspect([done, other]);
    later(3 * 60 * MINUTE);
    await harness.backend.inspect([other]);
    expect(await harness.backend.inspect([done])).toMatchObject([{ end: "succeeded" }]);
  });

  it("is kept by a process that has never heard of it, for a day", async () => {
    const [done, other] = [await launched("exit", 1), await launched("forever", 2)];
    harness.docker.tick();
    const fresh = harness.open();
    later(DAY - MINUTE);
    await fresh.inspect([other]);
    expect(harness.docker.containers.has(idOf(done))).toBe(true);
    later(6 * MINUTE);
    await fresh.inspect([other]);
    expect(harness.docker.containers.has(idOf(done))).toBe(false);
  });

  it("is not removed in the look that asks for it, however old it is", async () => {
    const done = await launched("exit", 1);
    harness.docker.tick();
    later(3 * DAY);
    expect(await harness.open().inspect([done])).toMatchObject([{ end: "succeeded" }]);
    expect(harness.docker.containers.has(idOf(done))).toBe(true);
  });

  it("counts its day from its end, not from its launch", async () => {
    const long = await launched("forever", 1);
    const other = await launched("forever", 2);
    later(DAY);
    harness.docker.end(idOf(long), 0);
    await harness.open().inspect([other]);
    expect(harness.docker.containers.has(idOf(long))).toBe(true);
  });

  it("leaves all others where they are", async () => {
    const kept = { options: { image: IMAGE, host_config: { auto_remove: false } } };
    const done = await launched("exit", 1, { config: kept });
    const other = await launched("forever", 2);
    harness.docker.tick();
    later(9 * DAY);
    await harness.open().inspect([other]);
    expect(harness.docker.containers.has(idOf(done))).toBe(true);
  });

  it("is tried again if it cannot be removed, and the look does not fail", async () => {
    const warnings: unknown[] = [];
    const log: World["log"] = {
      info() {},
      error() {},
      warn: (...line) => void warnings.push(line),
    };
    const [done, other] = [await launched("exit", 1), await launched("forever", 2)];
    harness.docker.tick();
    later(2 * DAY);
    harness.docker.faults.push({
      method: "DELETE",
      path: /./,
      how: { status: 500, message: "busy" },
    });
    const fresh = harness.open({ log });
    expect(await fresh.inspect([other])).toMatchObject([{ type: "running" }]);
    expect(warnings).toEqual([
      ["ended containers not removed", { target: harness.docker.url, reason: "busy" }],
    ]);
    later(6 * MINUTE);
    await fresh.inspect([other]);
    expect(harness.docker.containers.has(idOf(done))).toBe(false);
  });

  it("is looked for every five minutes at most", async () => {
    const other = await launched("forever", 1);
    await harness.backend.inspect([other]);
    harness.docker.calls.length = 0;
    for (let minute = 0; minute < 5; minute++) {
      await harness.backend.inspect([other]);
      later(MINUTE);
    }
    expect(harness.docker.calls.filter((call) => call === "GET /containers/json")).toEqual([]);
    await harness.backend.inspect([other]);
    expect(harness.docker.calls.filter((call) => call === "GET /containers/json")).toHaveLength(1);
  });
});

describe("attention", () => {
  it("starts anew after a pause, and forgets what is a day old", () => {
    const first = attend(undefined, ["a"], 0);
    const second = attend(first, ["b"], 10 * MINUTE);
    expect(second.since).toBe(0);
    const third = attend(second, [], 40 * MINUTE);
    expect(third.since).toBe(40 * MINUTE);
    expect(isForgotten({ id: "a", end: 0 }, third, 40 * MINUTE)).toBe(false);
    expect([...attend(third, [], DAY + 5 * MINUTE).asked.keys()]).toEqual(["b"]);
  });
});

async function launched(what: string, launch: number, parts: RequestParts = {}): Promise<Job> {
  const command = what === "exit" ? ["exit", "0"] : [what];
  const request = launchRequest({ ...harness.request(...command), ...parts, launch });
  const plan = await harness.backend.plan(request);
  const key = { runId: "run-1", launch, target: plan.target };
  const answer = await harness.backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(answer.message);
  return answer.job;
}

function later(ms: number): void {
  harness.docker.now = new Date(harness.docker.now.getTime() + ms);
}

function idOf(job: Job): string {
  return String(job.ref["container"]);
}
