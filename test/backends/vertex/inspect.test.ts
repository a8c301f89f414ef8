import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import { ASKING_MS, inspectJobs } from "../../../src/backends/vertex/inspect.ts";
import type { ApiFor } from "../../../src/backends/vertex/regions.ts";
import { type LogFields, silentLogger } from "../../../src/log.ts";
import { PAGE_MS } from "../../../src/poll.ts";
import type { Job } from "../../../src/run.ts";
import { launchRequest } from "../../contracts/request.ts";
import {
  FAILED_PRECONDITION,
  INVALID_ARGUMENT,
  PERMISSION_DENIED,
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
      expect(new Set(statuses.map((status) => status?.type))).toEqual(new Set(["running"]));
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
      expect(statuses.map((status) => status?.type)).toEqual(["pending", "missing"]);
    });

    it("reads no more pages than there are jobs asked about", async () => {
      const oldest = await start(backend, "runs", "run-old");
      const next = await start(backend, "runs", "run-next");
      await startMany(backend, 20);
      world.service.calls.length = 0;
      const statuses = await backend.inspect([oldest, next]);
      expect(statuses.map((status) => status?.type)).toEqual(["pending", "pending"]);
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

    it("leaves a job out that cannot be asked about, and tells of the others", async () => {
      const jobs = await startMany(backend, 3);
      for (const { id } of jobs) world.service.change(id, { state: "SUCCEEDED" });
      const answer = new ServiceError(UNAVAILABLE, "Try later.");
      world.service.fault({ method: "GetCustomJob", when: "before", answer });
      const lines: object[] = [];
      const warn = (message: string, fields: LogFields = {}) =>
        void lines.push({ message, ...fields });
      const log = { ...silentLogger, warn };
      const statuses = await world.open({}, { log }).inspect(jobs);
      expect(countOf(statuses.map((status) => status?.type ?? "not asked"))).toEqual({
        ended: 2,
        "not asked": 1,
      });
      expect(lines).toEqual([
        {
          message: "jobs not asked about",
          agent: "cloud",
          target: "projects/my-project/locations/us-central1",
          calls: 1,
          reason: expect.stringMatching(/customJobs.*Try later/) as string,
        },
      ]);
    });

    it("asks singly where listing is refused", async () => {
      const jobs = await startMany(backend, 3);
      const answer = new ServiceError(PERMISSION_DENIED, "customJobs.list denied");
      world.service.fault({ method: "ListCustomJobs", when: "before", answer });
      const statuses = await backend.inspect(jobs);
      expect(statuses.map((status) => status?.type)).toEqual(Array(3).fill("pending"));
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

describe("asking about jobs in several regions", () => {
  const inRegion = (region: string, id: number): Job => {
    const parent = `projects/p/locations/${region}`;
    const name = `${parent}/customJobs/${id}`;
    return {
      backend: "vertex",
      id: name,
      ref: { parent, name, created: "2026-11-21T12:00:00.000Z" },
    };
  };

  it("is not held up by one that does not answer", async () => {
    const deadline = new AbortController();
    const calls: string[] = [];
    const never = () => new Promise<never>(() => undefined);
    const apiFor: ApiFor = (parent) => ({
      create: never,
      cancel: never,
      get: never,
      list: async () => {
        calls.push(parent);
        if (parent.endsWith("silent")) return never();
        return {
          jobs: [1, 2].map((id) => ({ name: inRegion("here", id).id, state: "JOB_STATE_RUNNING" })),
        };
      },
    });
    const asking = inspectJobs(
      {
        apiFor,
        owner: "cloud",
        installation: undefined,
        agent: "cloud",
        log: silentLogger,
        now: () => new Date(),
        deadline: () => deadline.signal,
      },
      [inRegion("silent", 3), inRegion("here", 1), inRegion("silent", 4), inRegion("here", 2)],
    );
    await until(() => calls.length === 2);
    await new Promise((resolve) => setImmediate(resolve));
    deadline.abort();
    expect((await asking).map((status) => status?.type)).toEqual([
      undefined,
      "running",
      undefined,
      "running",
    ]);
  });

  it("ends before a tick gives an agent up", () => {
    expect(ASKING_MS).toBeLessThan(PAGE_MS);
  });
});

describe("asking about jobs among thousands that have ended", () => {
  it("lists what is unfinished, and asks singly about what ended since, some of it at a time", async () => {
    const world = await openWorld("rest", { submissionsPerMinute: Number.POSITIVE_INFINITY });
    const backend = world.open();
    const parent = "projects/my-project/locations/us-central1";
    const created = (script: string): Job => {
      world.service.advance(1_000);
      const { name } = world.service.create(parent, {
        displayName: "x",
        labels: { sluice_owner: "cloud" },
        jobSpec: {
          workerPoolSpecs: [
            { machineSpec: { machineType: "n1" }, containerSpec: { imageUri: `fake/${script}` } },
          ],
        },
      });
      const moment = world.service.now().toISOString();
      return { backend: "vertex", id: name, ref: { parent, name, created: moment } };
    };
    const open = Array.from({ length: 250 }, () => {
      for (let more = 0; more < 20; more++) created("succeeds");
      return created("runs");
    });
    for (let ticks = 0; ticks < 3; ticks++) world.service.tick();
    const calls = async (): Promise<Record<string, number>> => {
      world.service.calls.length = 0;
      const statuses = await backend.inspect(open);
      const states = statuses.map((status) => status?.type ?? "not asked");
      return countOf([...states, ...world.service.calls]);
    };

    expect(await calls()).toEqual({ running: 250, ListCustomJobs: 3 });
    for (const { id } of open.slice(0, 5)) world.service.change(id, { state: "SUCCEEDED" });
    expect(await calls()).toEqual({
      running: 245,
      ended: 5,
      ListCustomJobs: 3,
      GetCustomJob: 5,
    });
    for (const { id } of open) world.service.change(id, { state: "SUCCEEDED" });
    expect(await calls()).toEqual({
      ended: 100,
      "not asked": 150,
      ListCustomJobs: 3,
      GetCustomJob: 100,
    });
    await world.close();
  });
});

function countOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
