import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EcsApi, ecsApi } from "../../../src/backends/ecs/api.ts";
import { observationOf, type TaskEvent } from "../../../src/backends/ecs/events.ts";
import { ASKING_MS, inspectTasks } from "../../../src/backends/ecs/inspect.ts";
import { undoReason } from "../../../src/backends/ecs/names.ts";
import { jsonLogger } from "../../../src/log.ts";
import { PAGE_MS } from "../../../src/poll.ts";
import type { Job } from "../../../src/run.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { ecsAgent, ecsRequest, jobOf, launch, openEcs } from "./steps.ts";

const HOUR = 3_600_000;

describe("jobs on ecs", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  /** A job in any cluster, with a number for its task. */
  function numbered(number: number, cluster = "default", region = "us-east-1"): Job {
    const id = number.toString(16).padStart(32, "0");
    const task = `arn:aws:ecs:${region}:123456789012:task/${cluster}/${id}`;
    return {
      backend: "ecs",
      id: task,
      ref: { region, cluster, task, container: "flow", startedBy: "sluice/r/1" },
    };
  }

  it("are asked about a hundred at a time, cluster by cluster, and each once", async () => {
    fake.clusters.add("other");
    const backend = openEcs(fake);
    const { target } = await backend.plan(ecsRequest());
    expect(target).toBe("us-east-1/default");
    const jobs = Array.from({ length: 250 }, (_, index) => numbered(index + 1));
    const others = Array.from({ length: 3 }, (_, index) => numbered(index + 1, "other"));
    const statuses = await backend.inspect([...others, ...jobs, ...jobs]);
    expect(statuses).toHaveLength(503);
    expect(new Set(statuses.map((status) => status?.type))).toEqual(new Set(["missing"]));
    const sizes = fake.inputs.map(({ input }) => (input["tasks"] as string[]).length);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([3, 50, 100, 100]);
  });

  it("are missing while ECS does not show them yet, and when it has forgotten them", async () => {
    const backend = openEcs(fake);
    fake.setLag(5_000);
    const job = jobOf(await launch(backend));
    expect(await backend.inspect([job])).toEqual([{ type: "missing" }]);
    fake.advance(5_000);
    expect(await backend.inspect([job])).toMatchObject([{ type: "pending" }]);
    fake.end(fake.tasks[0], { exitCode: 0 });
    expect(await backend.inspect([job])).toMatchObject([{ end: "succeeded" }]);
    fake.advance(HOUR);
    expect(await backend.inspect([job])).toEqual([{ type: "missing" }]);
  });

  it("are told apart from one that ECS does not take at all", async () => {
    const backend = openEcs(fake);
    const good = jobOf(await launch(backend, { runId: "good" }));
    const poison = { ...numbered(1), ref: { ...numbered(1).ref, task: "arn:poison" } };
    const jobs = [...Array.from({ length: 98 }, (_, index) => numbered(index + 100)), poison, good];
    const statuses = await backend.inspect(jobs);
    expect(statuses.at(-1)).toMatchObject({ type: "pending" });
    expect(statuses.at(-2)).toEqual({ type: "missing" });
    expect(fake.count("DescribeTasks")).toBeLessThan(20);
  });

  it("are missing when their cluster is gone", async () => {
    const backend = openEcs(fake);
    const gone = numbered(1, "gone");
    expect(await backend.inspect([gone])).toEqual([{ type: "missing" }]);
    expect(await backend.find({ runId: "run-1", launch: 1, target: "us-east-1/gone" })).toEqual([]);
    await expect(backend.cancel(gone)).resolves.toBeUndefined();
  });

  it("are asked about again later while ECS is throttled or down", async () => {
    const backend = openEcs(fake);
    const oops = { type: "error", code: "ServerException", message: "oops", status: 500 } as const;
    for (const op of ["DescribeTasks", "ListTasks", "StopTask"]) {
      // Each call is tried three times, and running and stopped tasks are listed apart.
      fake.fail(op, oops, oops, oops, oops, oops, oops);
    }
    await expect(backend.inspect([numbered(1)])).rejects.toThrow(/oops/);
    await expect(
      backend.find({ runId: "r", launch: 1, target: "us-east-1/default" }),
    ).rejects.toThrow(/oops/);
    await expect(backend.cancel(numbered(1))).rejects.toThrow(/oops/);
  });

  describe("in several clusters", () => {
    const denied = {
      type: "error",
      code: "AccessDeniedException",
      message: "not authorized to perform: ecs:DescribeTasks",
    } as const;
    const lines: string[] = [];
    const log = jsonLogger(
      (line) => lines.push(line),
      () => fake.now(),
    );
    beforeEach(() => {
      fake.clusters.add("other");
      lines.length = 0;
    });

    it("are told where ECS answers, although it denies one cluster, and the log says which", async () => {
      const backend = openEcs(fake, ecsAgent(), { log });
      const good = jobOf(await launch(backend));
      fake.fail("DescribeTasks", { ...denied, cluster: "other" });
      const jobs = [numbered(1, "other"), good, numbered(2, "other")];
      expect(await backend.inspect(jobs)).toEqual([
        undefined,
        { type: "pending", detail: "provisioning" },
        undefined,
      ]);
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([
        {
          level: "warn",
          message: "tasks not asked about",
          agent: "prod",
          region: "us-east-1",
          cluster: "other",
          jobs: 2,
          reason: denied.message,
        },
      ]);
    });

    it("are told although one of their chunks is throttled", async () => {
      const backend = openEcs(fake, ecsAgent(), { log });
      const jobs = Array.from({ length: 150 }, (_, index) => numbered(index + 1));
      const disguised = {
        type: "error",
        code: "InvalidParameterException",
        message: "Throttling: Rate exceeded",
      } as const;
      fake.fail("DescribeTasks", disguised);
      const types = (await backend.inspect(jobs)).map((status) => status?.type);
      const asked = types.filter((type) => type === "missing").length;
      expect([50, 100]).toContain(asked);
      expect(types.filter((type) => type === undefined)).toHaveLength(150 - asked);
      expect(fake.count("DescribeTasks")).toBe(2);
    });

    it("are told although one cluster gives no answer until time is over", async () => {
      const good = jobOf(await launch(openEcs(fake)));
      const controller = new AbortController();
      const real = ecsApi(fake.env);
      const api: EcsApi = {
        ...real,
        async describeTasks(...asked) {
          const answer = await real.describeTasks(...asked);
          controller.abort();
          return answer;
        },
      };
      fake.fail("DescribeTasks", { type: "hang", cluster: "other" });
      const asking = { api, agent: "prod", log, deadline: () => controller.signal };
      const inspected = inspectTasks(asking, [numbered(1, "other"), good]);
      expect(await inspected).toEqual([undefined, { type: "pending", detail: "provisioning" }]);
    });

    it("make the call throw if none can be asked about", async () => {
      const backend = openEcs(fake, ecsAgent(), { log });
      fake.fail("DescribeTasks", denied, denied);
      const jobs = [numbered(1), numbered(1, "other")];
      await expect(backend.inspect(jobs)).rejects.toThrow(denied.message);
      expect(lines).toEqual([]);
    });

    it("are asked about for less time than a tick waits", () => {
      expect(ASKING_MS).toBeLessThan(PAGE_MS);
    });
  });

  it("are stopped with a reason that names the run and explains their end", async () => {
    const backend = openEcs(fake);
    const job = jobOf(await launch(backend, { command: ["sleep"] }));
    await backend.cancel(job);
    expect(fake.inputs.at(-1)?.input).toMatchObject({
      task: job.id,
      reason: "Stopped by Sluice: the run was cancelled (sluice/run-1/1)",
    });
    fake.tick();
    expect(await backend.inspect([job])).toEqual([
      {
        type: "ended",
        end: "cancelled",
        cause: {
          type: "requested",
          message: "Stopped by Sluice: the run was cancelled (sluice/run-1/1)",
          exitCode: 143,
        },
      },
    ]);
  });

  it("are found when their token has faded, for as long as ECS knows them", async () => {
    const backend = openEcs(fake);
    const plan = await backend.plan(ecsRequest());
    const job = jobOf(await launch(backend, { command: ["sleep"] }));
    fake.advance(30 * HOUR);
    const key = { runId: "run-1", launch: 1, target: plan.target };
    expect(await openEcs(fake).find(key)).toEqual([{ ...job, ref: { ...job.ref } }]);
  });
});

describe("an event of ecs", () => {
  /** The event in a sample: the body of its one message. */
  const event = (name: string) => {
    const file = new URL(`../../../events/${name}.json`, import.meta.url);
    const { Records } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly Records: readonly { readonly body: string }[];
    };
    return JSON.parse(Records[0]?.body ?? "") as TaskEvent;
  };

  it("says what DescribeTasks would, of the launch in its mark", () => {
    const seen = observationOf(event("observe.ecs.stopped"), "sluice-dev");
    expect(seen).toMatchObject({
      runId: "5f0c8a4e-7c39-4b62-9a55-0d3f1e6b2c11",
      observation: {
        launch: 1,
        job: { backend: "ecs", ref: { region: "us-east-1", container: "flow" } },
        status: { type: "ended", end: "failed", cause: { type: "exit", exitCode: 1 } },
      },
    });
  });

  it("tells a running task, and the warning before a Spot machine goes, from an ended one", () => {
    expect(observationOf(event("observe.ecs.running"), "sluice-dev")?.observation.status).toEqual({
      type: "running",
      startedAt: "2026-11-21T12:00:41.500Z",
    });
    expect(
      observationOf(event("observe.ecs.spot-warning"), "sluice-dev")?.observation.status.type,
    ).toBe("running");
  });

  it.each<[what: string, event: TaskEvent]>([
    ["nothing", {}],
    ["a task of a service", { detail: { taskArn: "a", clusterArn: "c", startedBy: "ecs-svc/1" } }],
    ["a task nobody has marked", { detail: { taskArn: "a", clusterArn: "c" } }],
    [
      "a mark that is not ours",
      { detail: { taskArn: "a", clusterArn: "c", startedBy: "sluice/x" } },
    ],
    [
      "a task that was stopped because it had lost its overrides",
      {
        detail: {
          taskArn: "a",
          clusterArn: "c",
          startedBy: "sluice/x/1",
          lastStatus: "STOPPED",
          stoppedReason: undoReason("sluice/x/1"),
        },
      },
    ],
    ["a task without its ARN", { detail: { clusterArn: "c", startedBy: "sluice/x/1" } }],
  ])("of %s says nothing", (_what, foreign) => {
    expect(observationOf(foreign, undefined)).toBeUndefined();
  });

  it.each([undefined, "sluice-prod", "sluice"])(
    "of a task that sluice-dev has started says nothing to the installation %s",
    (other) => {
      expect(observationOf(event("observe.ecs.stopped"), other)).toBeUndefined();
    },
  );

  it("agrees with DescribeTasks about the same task", async () => {
    const fake = await fakeEcs();
    const backend = openEcs(fake);
    const job = jobOf(await launch(backend));
    fake.tick();
    fake.tick();
    const detail = JSON.parse(JSON.stringify(fake.tasks[0]?.view)) as NonNullable<
      TaskEvent["detail"]
    >;
    const seen = observationOf({ region: "us-east-1", detail }, undefined)?.observation;
    expect([seen?.status]).toEqual(await backend.inspect([job]));
    expect(seen?.job.id).toBe(job.id);
    expect(await backend.inspect([seen?.job as Job])).toEqual([seen?.status]);
    await fake.close();
  });
});
