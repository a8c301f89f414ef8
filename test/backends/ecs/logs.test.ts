import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend } from "../../../src/backend.ts";
import { ecsApi } from "../../../src/backends/ecs/api.ts";
import { observationOf } from "../../../src/backends/ecs/events.ts";
import { type ReadEvents, readLog } from "../../../src/backends/ecs/logs.ts";
import { PermanentError } from "../../../src/errors.ts";
import { jsonLogger, silentLogger } from "../../../src/log.ts";
import type { Job } from "../../../src/run.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { ecsAgent, ecsRequest, jobOf, keyOf, launch, openEcs, signal } from "./steps.ts";

const HOUR = 3_600_000;

describe("logs of ecs", () => {
  const agent = ecsAgent({ log_group: "/sluice/flows" });
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  async function logged(command: readonly string[]): Promise<Job> {
    const backend = openEcs(fake, agent);
    const plan = await backend.plan(ecsRequest({ command }, agent));
    return jobOf(await backend.launch(plan, keyOf(plan), signal()));
  }

  /** Everything a job has written. Throws if no page is the last one. */
  async function allOf(backend: Backend, job: Job): Promise<string[]> {
    const texts: string[] = [];
    let page = await backend.logs?.(job);
    for (let pages = 0; page !== undefined && pages < 20; pages++) {
      texts.push(...page.lines.map(({ text }) => text));
      if (page.complete) return texts;
      page = await backend.logs?.(job, page.next);
    }
    throw new Error("the log has no end");
  }

  it("are where the job says from the start", async () => {
    const job = await logged(["sleep"]);
    const id = job.id.slice(-32);
    expect(job.url).toBe(
      `https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fsluice$252Fflows/log-events/sluice$252Fflow$252F${id}`,
    );
    const stream = `sluice/flow/${id}`;
    expect(job.ref["log"]).toEqual({ group: "/sluice/flows", region: "us-east-1", stream });
  });

  it("are found by the definition if the job was found, not launched", async () => {
    const { ref } = await logged(["print", "one", "two", "three"]);
    for (let step = 0; step < 5; step++) fake.tick();
    const backend = openEcs(fake, agent);
    const key = { runId: "run-1", launch: 1, target: "us-east-1/default" };
    const [job] = await backend.find(key);
    expect(ref).toMatchObject(job?.ref ?? {});
    expect(await allOf(backend, job as Job)).toEqual(["one", "two", "three"]);
  });

  describe("an hour after the task has stopped", () => {
    const key = { runId: "run-1", launch: 1, target: "us-east-1/default" };
    const written = async () => {
      await logged(["print", "one", "two"]);
      for (let step = 0; step < 5; step++) fake.tick();
    };
    const textsOf = (job: Job | undefined, from = openEcs(fake, agent)) => allOf(from, job as Job);

    it("are where a job says that was found in time", async () => {
      await written();
      const [job] = await openEcs(fake, agent).find(key);
      fake.advance(HOUR);
      fake.calls.length = 0;
      expect(await textsOf(job)).toEqual(["one", "two"]);
      expect(new Set(fake.calls)).toEqual(new Set(["GetLogEvents", "DescribeTasks"]));
      expect(job?.url).toContain("#logsV2:");
    });

    it("are found by the definition in an event", async () => {
      await written();
      const detail = JSON.parse(JSON.stringify(fake.tasks[0]?.view));
      const job = observationOf({ region: "us-east-1", detail }, undefined)?.observation.job;
      fake.advance(HOUR);
      expect(await textsOf(job)).toEqual(["one", "two"]);
    });

    it("are found by the definition of a job whose log could not be found in time", async () => {
      await written();
      const message = "not authorized to perform: ecs:DescribeTaskDefinition";
      const denied = { type: "error", code: "AccessDeniedException", message } as const;
      fake.fail("DescribeTaskDefinition", denied);
      const lines: string[] = [];
      const log = jsonLogger((line) => lines.push(line), fake.now);
      const [job] = await openEcs(fake, agent, { log }).find(key);
      expect(lines).toEqual([
        expect.stringMatching(/"warn","message":"place of output not found yet","agent":"prod"/),
      ]);
      fake.advance(HOUR);
      expect(await textsOf(job)).toEqual(["one", "two"]);
    });

    it("are looked for in the agent's log group if nothing else is known", async () => {
      await written();
      const [job] = await unseen(openEcs(fake, agent));
      fake.advance(HOUR);
      expect(await textsOf(job)).toEqual(["one", "two"]);
      const elsewhere = openEcs(fake, ecsAgent({ log_group: "/other" }));
      await expect(elsewhere.logs?.(job as Job)).rejects.toThrow(/no longer knows the task/);
    });

    it("are looked for where the agent's template sends them", async () => {
      const logConfiguration = {
        logDriver: "awslogs",
        options: {
          "awslogs-group": "/own",
          "awslogs-region": "us-east-1",
          "awslogs-stream-prefix": "mine",
        },
      };
      const containerDefinitions = [{ name: "flow", logConfiguration }];
      const template = { cpu: 256, memory: 512, containerDefinitions };
      const own = ecsAgent({ task_definition_path: "s3://b/own", log_group: "/sluice/flows" });
      const backend = openEcs(fake, own, { readTemplate: async () => template });
      const plan = await backend.plan(ecsRequest({ command: ["print", "one"] }, own));
      await backend.launch(plan, keyOf(plan), signal());
      for (let step = 0; step < 5; step++) fake.tick();
      const [job] = await unseen(backend);
      fake.advance(HOUR);
      expect(await textsOf(job, backend)).toEqual(["one"]);
    });

    /** The job of a task that ECS lists and does not describe. */
    async function unseen(backend: ReturnType<typeof openEcs>): Promise<readonly Job[]> {
      const found = await backend.find(key);
      return found.map((job) => {
        const { log: _, ...ref } = job.ref;
        return { ...job, ref };
      });
    }
  });

  it("are empty and not complete before the first line, empty and complete if there never was one", async () => {
    const backend = openEcs(fake, agent);
    const job = await logged(["exit", "0"]);
    expect(await backend.logs?.(job)).toEqual({ lines: [], next: "", complete: false });
    for (let step = 0; step < 5; step++) fake.tick();
    expect(await backend.logs?.(job, "")).toEqual({ lines: [], next: "", complete: true });
  });

  it("do not lose lines written while it is asked whether the task has ended", async () => {
    const job = await logged(["sleep"]);
    const late: ReadEvents = async (_log, after) => {
      const ended = fake.tasks[0]?.view.lastStatus === "STOPPED";
      if (!ended) fake.end(fake.tasks[0], { exitCode: 0 });
      return ended ? { lines: [{ text: "last" }], next: "f/1" } : { lines: [], next: after };
    };
    const reading = {
      api: ecsApi(fake.env),
      agent: "prod",
      log: silentLogger,
      logGroup: undefined,
      agentTemplate: async () => ({}),
      events: late,
    };
    const page = await readLog(reading, job, "f/0");
    expect(page).toEqual({ lines: [{ text: "last" }], next: "f/1", complete: false });
  });

  it("are unknown where nothing goes to CloudWatch, or the task is forgotten", async () => {
    const backend = openEcs(fake);
    const job = jobOf(await launch(backend));
    const thrown = await backend.logs?.(job).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(PermanentError);
    expect(thrown).toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(/set log_group on the agent/),
    });
    fake.end(fake.tasks[0], { exitCode: 0 });
    fake.advance(HOUR);
    await expect(backend.logs?.(job)).rejects.toThrow(/no longer knows the task/);
  });

  it("are refused in AWS's words where the right to read them is missing", async () => {
    const job = await logged(["sleep"]);
    const message = "User is not authorized to perform: logs:GetLogEvents";
    fake.fail("GetLogEvents", { type: "error", code: "AccessDeniedException", message });
    const thrown = await openEcs(fake, agent)
      .logs?.(job)
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(PermanentError);
    expect(String(thrown)).toContain(message);
  });
});
