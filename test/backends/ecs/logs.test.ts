import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ecsApi } from "../../../src/backends/ecs/api.ts";
import { type ReadEvents, readLog } from "../../../src/backends/ecs/logs.ts";
import { PermanentError } from "../../../src/errors.ts";
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
    const texts: string[] = [];
    let page = await backend.logs?.(job as Job);
    for (let pages = 0; page !== undefined && !page.complete && pages < 20; pages++) {
      texts.push(...page.lines.map(({ text }) => text));
      page = await backend.logs?.(job as Job, page.next);
    }
    expect(page?.complete).toBe(true);
    expect(texts).toEqual(["one", "two", "three"]);
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
    const page = await readLog({ api: ecsApi(fake.env), events: late }, job, "f/0");
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
