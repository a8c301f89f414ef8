import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import type { Job } from "../../../src/run.ts";
import { launchRequest } from "../../contracts/request.ts";
import {
  FAILED_PRECONDITION,
  INVALID_ARGUMENT,
  ServiceError,
  UNAVAILABLE,
} from "../../fakes/vertex.ts";
import { openWorld, runOf, type Transport, type VertexWorld } from "./world.ts";

const never = () => new AbortController().signal;

async function start(backend: Backend, script: string, runId: string): Promise<Job> {
  const request = launchRequest(runOf(script, { runId }));
  const plan = await backend.plan(request);
  const key = { runId, launch: 1, target: plan.target };
  const answer = await backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(JSON.stringify(answer));
  return answer.job;
}

async function startMany(backend: Backend, count: number): Promise<Job[]> {
  const jobs: Job[] = [];
  for (let number = 0; number < count; number++) {
    jobs.push(await start(backend, "runs", `run-${number}`));
  }
  return jobs;
}

for (const transport of ["rest", "grpc"] as const satisfies readonly Transport[]) {
  describe(`asking about jobs over ${transport}`, () => {
    let world: VertexWorld;
    let backend: Backend;
    beforeEach(async () => {
      world = await openWorld(transport, { pageSize: 4 });
      backend = world.open();
    });
    afterEach(() => world.close());

    it("reads many from one list, page by page, and asks about none singly", async () => {
      const jobs = await startMany(backend, 10);
      world.service.tick();
      world.service.tick();
      world.service.calls.length = 0;
      const statuses = await backend.inspect(jobs);
      expect(new Set(statuses.map(({ type }) => type))).toEqual(new Set(["running"]));
      expect(statuses).toHaveLength(10);
      expect(world.service.calls).toEqual(Array(3).fill("ListCustomJobs"));
    });

    it("does not have the variables of all jobs sent with a list", async () => {
      await backend.inspect(await startMany(backend, 2));
      const [{ readMask = [] } = {}] = world.service.lists;
      expect(readMask).toContain("state");
      expect(readMask).not.toContain("job_spec");
    });

    it("asks about a single job singly", async () => {
      const [job] = await startMany(backend, 3);
      world.service.calls.length = 0;
      await backend.inspect([job as Job, job as Job]);
      expect(world.service.calls).toEqual(["GetCustomJob"]);
    });

    it("asks singly about those a lagging list does not show", async () => {
      const old = await start(backend, "runs", "run-1");
      world.service.setListLag(10_000);
      world.service.advance(10_000);
      const young = await start(backend, "runs", "run-2");
      world.service.calls.length = 0;
      expect(await backend.inspect([young, old])).toEqual([
        { type: "pending", detail: "queued" },
        { type: "pending", detail: "queued" },
      ]);
      expect(world.service.calls).toEqual(["ListCustomJobs", "GetCustomJob"]);
    });

    it("calls a job missing that is gone", async () => {
      const jobs = await startMany(backend, 2);
      world.service.forget(jobs[1]?.id ?? "");
      const statuses = await backend.inspect(jobs);
      expect(statuses.map(({ type }) => type)).toEqual(["pending", "missing"]);
    });

    it("reads no more pages than there are jobs asked about", async () => {
      const oldest = await start(backend, "runs", "run-old");
      const next = await start(backend, "runs", "run-next");
      await startMany(backend, 20);
      world.service.calls.length = 0;
      const statuses = await backend.inspect([oldest, next]);
      expect(statuses.map(({ type }) => type)).toEqual(["pending", "pending"]);
      expect(world.service.calls.filter((call) => call === "ListCustomJobs")).toHaveLength(2);
      expect(world.service.calls.filter((call) => call === "GetCustomJob")).toHaveLength(2);
    });

    it("leaves the jobs of other owners out of the list", async () => {
      const mine = await startMany(backend, 2);
      const theirs = world.open({ name: "other" });
      for (let number = 0; number < 8; number++) await start(theirs, "runs", `their-${number}`);
      world.service.calls.length = 0;
      await backend.inspect(mine);
      expect(world.service.calls).toEqual(["ListCustomJobs"]);
    });

    it("takes a state nobody knows for no end", async () => {
      const jobs = await startMany(backend, 2);
      world.service.change(jobs[0]?.id ?? "", { state: 42 });
      const [status, other] = await backend.inspect(jobs);
      expect([status?.type, other?.type]).toEqual(["pending", "pending"]);
    });

    it("reports a job that failed before it ran as one that never started", async () => {
      const job = await start(backend, "stockout", "run-1");
      world.service.tick();
      expect(await backend.inspect([job])).toMatchObject([
        { type: "ended", end: "crashed", cause: { type: "start_failed" } },
      ]);
    });

    it("throws, saying what it could not do, when the service does not answer", async () => {
      const jobs = await startMany(backend, 2);
      const answer = new ServiceError(UNAVAILABLE, "Try later.");
      world.service.fault({ method: "ListCustomJobs", when: "before", answer });
      await expect(backend.inspect(jobs)).rejects.toThrow(/could not list the jobs of .*Try later/);
      world.service.fault({ method: "GetCustomJob", when: "before", answer });
      await expect(backend.inspect(jobs.slice(1))).rejects.toThrow(
        /could not ask about .*Try later/,
      );
    });

    it("asks in the region of the job, wherever the agent works now", async () => {
      const elsewhere = world.open({ options: { region_name: "europe-west1" } });
      const job = await start(elsewhere, "runs", "run-1");
      expect(job.id).toMatch(/^projects\/123456789\/locations\/europe-west1\/customJobs\/\d+$/);
      expect(await backend.inspect([job])).toEqual([{ type: "pending", detail: "queued" }]);
      await backend.cancel(job);
      expect(world.service.jobs()[0]?.state).toBe("CANCELLING");
    });
  });

  describe(`finding and cancelling jobs over ${transport}`, () => {
    let world: VertexWorld;
    let backend: Backend;
    beforeEach(async () => {
      world = await openWorld(transport, { pageSize: 1 });
      backend = world.open();
    });
    afterEach(() => world.close());

    it("finds all jobs of a launch, the oldest first", async () => {
      const first = await start(backend, "runs", "run-1");
      world.service.advance(1_000);
      const second = await start(backend, "runs", "run-1");
      await start(backend, "runs", "run-2");
      const target = "projects/my-project/locations/us-central1";
      const found = await backend.find({ runId: "run-1", launch: 1, target });
      expect(found).toEqual([first, second]);
    });

    it("does not find a launch of another owner with the same run id", async () => {
      await start(world.open({ options: { owner: "other" } }), "runs", "run-1");
      const target = "projects/my-project/locations/us-central1";
      expect(await backend.find({ runId: "run-1", launch: 1, target })).toEqual([]);
    });

    it("leaves a job that ignores its cancelling to end as it will", async () => {
      const job = await start(backend, "stubborn", "run-1");
      for (let ticks = 0; ticks < 3; ticks++) world.service.tick();
      await backend.cancel(job);
      await backend.cancel(job);
      world.service.tick();
      expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
      world.service.change(job.id, { state: "SUCCEEDED" });
      expect(await backend.inspect([job])).toMatchObject([{ end: "succeeded" }]);
    });

    it.each([
      ["wrong state", FAILED_PRECONDITION],
      ["bad request", INVALID_ARGUMENT],
    ])("complains when a running job cannot be cancelled: %s", async (_, code) => {
      const job = await start(backend, "runs", "run-1");
      world.service.fault({
        method: "CancelCustomJob",
        when: "before",
        answer: new ServiceError(code, "Not now."),
      });
      await expect(backend.cancel(job)).rejects.toThrow(/could not cancel .*Not now/);
    });
  });
}
