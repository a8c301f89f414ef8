import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Address, addressOf } from "../../../src/backends/docker/address.ts";
import { dockerApi } from "../../../src/backends/docker/api.ts";
import { openInspector } from "../../../src/backends/docker/inspect.ts";
import { jobOf } from "../../../src/backends/docker/job.ts";
import { openTransport } from "../../../src/backends/docker/transport.ts";
import { silentLogger } from "../../../src/log.ts";
import type { Job } from "../../../src/run.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { madeContainer } from "../../fakes/docker-containers.ts";
import { type DockerHarness, openDocker } from "./harness.ts";

let harness: DockerHarness;
beforeEach(async () => {
  harness = await openDocker();
});
afterEach(() => harness.close());

describe("a container that is cancelled", () => {
  it("has as many seconds to end as the agent gives it", async () => {
    const [job] = await launchMany(1);
    if (job === undefined) throw new Error("nothing was launched");
    await harness.open({}, { stop_seconds: 7 }).cancel(job);
    expect(harness.docker.received.at(-1)?.url).toBe(`/containers/${idOf(job)}/stop?t=7`);
    expect(await harness.backend.inspect([job])).toMatchObject([{ cause: { type: "killed" } }]);
  });
});

describe("a look at containers", () => {
  it("takes one list for all that still run, once their start is known", async () => {
    const jobs = await launchMany(5);
    const first = await harness.backend.inspect(jobs);
    expect(first.map((status) => status?.type)).toEqual(Array(5).fill("running"));
    harness.docker.calls.length = 0;
    expect(await harness.backend.inspect(jobs)).toEqual(first);
    expect(harness.docker.calls).toEqual(["GET /containers/json"]);
  });

  it("asks about each that has left the list", async () => {
    const jobs = await launchMany(4);
    await harness.backend.inspect(jobs);
    harness.docker.end(idOf(jobs[2]), 3);
    harness.docker.containers.delete(idOf(jobs[0]));
    expect(await harness.backend.inspect(jobs)).toMatchObject([
      { type: "ended", end: "crashed", cause: { type: "lost" } },
      { type: "running" },
      { type: "ended", end: "failed", cause: { exitCode: 3 } },
      { type: "running" },
    ]);
  });

  it("of more than a hundred takes a list for each hundred", async () => {
    const jobs = Array.from({ length: 130 }, (_, index) => {
      const id = String(index).padStart(64, "0");
      const started = { status: "running", startedAt: harness.docker.now.toISOString() };
      const made = madeContainer(id, `sluice-run-1-${index}`, {}, harness.docker.now);
      harness.docker.containers.set(id, Object.assign(made, started));
      return jobOf({ id, name: made.name, target: harness.docker.url });
    });
    await harness.backend.inspect(jobs);
    harness.docker.calls.length = 0;
    const statuses = await harness.backend.inspect(jobs);
    expect(statuses.every((status) => status?.type === "running")).toBe(true);
    expect(harness.docker.calls).toEqual(["GET /containers/json", "GET /containers/json"]);
  });

  it("tells the end of a container that somebody removed as lost", async () => {
    const [job] = await launchMany(1);
    if (job === undefined) throw new Error("nothing was launched");
    harness.docker.end(idOf(job), 0);
    harness.docker.containers.clear();
    expect(await harness.backend.inspect([job])).toMatchObject([
      {
        end: "crashed",
        cause: { type: "lost", message: expect.stringContaining("does not know") },
      },
    ]);
  });

  it("tells what it can although the engine fails on one container, and tells of that once", async () => {
    const warnings: unknown[][] = [];
    const log = { info() {}, error() {}, warn: (...line: unknown[]) => void warnings.push(line) };
    const jobs = await launchMany(3);
    const fresh = harness.open({ log });
    const path = new RegExp(`${idOf(jobs[1])}/json`);
    const how = { status: 500, message: "driver failed" };
    for (const _ of [1, 2]) harness.docker.faults.push({ method: "GET", path, how });
    for (const _ of [1, 2]) {
      expect(await fresh.inspect(jobs)).toMatchObject([
        { type: "running" },
        undefined,
        { type: "running" },
      ]);
    }
    expect(warnings).toEqual([
      ["container not asked about", { container: idOf(jobs[1]), reason: "driver failed" }],
    ]);
    expect((await fresh.inspect(jobs)).map((status) => status?.type)).toEqual(
      Array(3).fill("running"),
    );
  });

  it("tells what it can although the engine hangs on many, and asks about those last", async () => {
    const [first, second, ...hung] = await launchMany(12);
    const limits: AbortController[] = [];
    const limit = () => {
      const controller = new AbortController();
      limits.push(controller);
      return controller.signal;
    };
    const api = dockerApi(openTransport(addressOf(harness.docker.url) as Address, 60));
    const inspector = openInspector(api, { log: silentLogger, limit });
    for (const job of hung) {
      const path = new RegExp(`${idOf(job)}/json`);
      harness.docker.faults.push({ method: "GET", path, how: "hang" });
    }
    const ids = [...hung, first, second].map(idOf);
    const asked = () => harness.docker.calls.filter((call) => call.endsWith("/json")).length;
    harness.docker.calls.length = 0;
    const blocked = inspector(ids);
    while (asked() < 8) await new Promise(setImmediate);
    limits[0]?.abort(new Error("too slow"));
    await expect(blocked).rejects.toThrow("too slow");
    for (const job of hung.slice(0, 8)) {
      const path = new RegExp(`${idOf(job)}/json`);
      harness.docker.faults.push({ method: "GET", path, how: "hang" });
    }
    harness.docker.calls.length = 0;
    const again = inspector(ids);
    while (asked() < 10) await new Promise(setImmediate);
    limits[1]?.abort(new Error("too slow"));
    const looks = await again;
    for (const job of [first, second]) {
      expect(looks.get(idOf(job))).toMatchObject({ type: "running" });
    }
    expect(looks.get(idOf(hung[0]))).toBe("unanswered");
  });

  it("fails if the engine answers about none", async () => {
    const jobs = await launchMany(2);
    const how = { status: 500, message: "driver failed" };
    for (const _ of jobs) {
      harness.docker.faults.push({ method: "GET", path: /[0-9a-f]{64}\/json/, how });
    }
    await expect(harness.backend.inspect(jobs)).rejects.toThrow("driver failed");
    expect(await harness.backend.inspect([])).toEqual([]);
  });

  it("refuses a job that is no container", async () => {
    const stranger = { backend: "docker", id: "x", ref: {} };
    await expect(harness.backend.inspect([stranger])).rejects.toMatchObject({ code: "invalid" });
    const nowhere = { ...stranger, ref: { container: "x", name: "x", target: "ssh://engine" } };
    await expect(harness.backend.inspect([nowhere])).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("ssh://engine"),
    });
  });
});

async function launchMany(count: number): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let launch = 1; launch <= count; launch++) {
    const plan = await harness.backend.plan(
      launchRequest({ ...harness.request("forever"), launch }),
    );
    const key = { runId: "run-1", launch, target: plan.target };
    const answer = await harness.backend.launch(plan, key, never());
    if (answer.type === "launched") jobs.push(answer.job);
  }
  return jobs;
}

function idOf(job: Job | undefined): string {
  return String(job?.ref["container"]);
}
