import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refusalFor } from "../../../src/backends/ecs/errors.ts";
import { PermanentError } from "../../../src/errors.ts";
import { type FakeEcs, type Fault, fakeEcs } from "../../fakes/ecs.ts";
import {
  ecsAgent,
  ecsRun,
  faultOf,
  jobOf,
  keyOf,
  launch,
  openEcs,
  sharedOnce,
  signal,
  withoutProfile,
} from "./steps.ts";

const HOUR = 3_600_000;

describe("launch on ecs", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  it("makes one ECS call for a run whose definition is known", async () => {
    const backend = openEcs(fake);
    jobOf(await launch(backend, { runId: "first" }));
    fake.calls.length = 0;
    jobOf(await launch(backend, { runId: "second", env: { DAY: "2" }, parameters: { day: 2 } }));
    expect(fake.calls).toEqual(["RunTask"]);
  });

  it("describes a definition given by ARN once", async () => {
    const flow = {
      taskDefinitionArn: "fam:3",
      revision: 3,
      status: "ACTIVE",
      family: "fam",
    } as const;
    fake.definitions.push({ ...flow, containerDefinitions: [{ name: "flow", image: "a" }] });
    const backend = openEcs(fake);
    for (const runId of ["first", "second"]) {
      const options = { task_definition_arn: "fam:3" };
      const plan = await backend.plan(ecsRun(options, { runId, flow: { storage: null } }));
      jobOf(await backend.launch(plan, keyOf(plan, runId), signal()));
    }
    const ofEcs = fake.calls.filter(
      (call) => !call.startsWith("DescribeVpcs") && !call.startsWith("DescribeSubnets"),
    );
    expect(ofEcs).toEqual(["DescribeTaskDefinition", "RunTask", "RunTask"]);
  });

  it("marks a task with its run and launch, and with a token of 64 characters", async () => {
    jobOf(await launch(openEcs(fake), { runId: "run-1", launch: 2 }));
    const { input } = fake.inputs.at(-1) ?? {};
    expect(input).toMatchObject({ startedBy: "sluice/run-1/2" });
    expect(input?.["clientToken"]).toMatch(/^[0-9a-f]{64}$/);
    expect(input?.["count"]).toBeUndefined();
  });

  it("adopts the task whose answer was lost, by the token", async () => {
    fake.fail("RunTask", { type: "lost" });
    const job = jobOf(await launch(openEcs(fake)));
    expect(fake.tasks.map(({ view }) => view.taskArn)).toEqual([job.id]);
    expect(fake.count("RunTask")).toBe(2);
  });

  it("adopts the task that came of a request AWS called failed", async () => {
    fake.fail("RunTask", { type: "done_but_500" });
    const job = jobOf(await launch(openEcs(fake)));
    expect(fake.tasks.map(({ view }) => view.taskArn)).toEqual([job.id]);
  });

  it("leaves open what happened when no answer ever comes", async () => {
    fake.fail("RunTask", { type: "lost" }, { type: "lost" }, { type: "lost" });
    const backend = openEcs(fake);
    const thrown = await launch(backend).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).not.toBeInstanceOf(PermanentError);
    expect(fake.count("RunTask")).toBe(3);
    // Whoever takes the launch over asks for the same key.
    const job = jobOf(await launch(openEcs(fake)));
    expect(fake.tasks.map(({ view }) => view.taskArn)).toEqual([job.id]);
  });

  describe("once an attempt may have been carried out", () => {
    const error = (code: string, message = "no") => ({ type: "error", code, message }) as const;
    const throttle = error("ThrottlingException", "Rate exceeded");

    it.each<[first: "lost" | "done_but_500", later: readonly Fault[]]>([
      ["lost", [throttle, throttle]],
      ["lost", [error("AccessDeniedException")]],
      ["lost", [error("AccessDeniedException", "not authorized to perform: ecs:RunTask")]],
      ["lost", [error("ClientException", "TaskDefinition is inactive")]],
      ["done_but_500", [throttle, error("ExpiredTokenException")]],
      ["done_but_500", [error("AccessDeniedException")]],
      ["done_but_500", [error("ClientException", "You've reached the limit on tasks")]],
    ])("leaves open what happened: %s, then %j", async (type, later) => {
      const backend = openEcs(fake);
      fake.fail("RunTask", { type }, ...later);
      const thrown = await launch(backend).catch((caught: unknown) => caught);
      expect(thrown).toBeInstanceOf(Error);
      expect(thrown).not.toBeInstanceOf(PermanentError);
      expect(String(thrown)).toMatch(/nobody knows whether the task was started/);
      expect(fake.definitions).toHaveLength(1);
      const job = jobOf(await launch(backend));
      expect(fake.tasks.map(({ view }) => view.taskArn)).toEqual([job.id]);
    });

    it("believes a conflict, for that names the task", async () => {
      const backend = openEcs(fake);
      const first = jobOf(await launch(backend));
      const resourceIds = [first.id];
      const conflict = { ...error("ConflictException"), extra: { resourceIds } };
      fake.fail("RunTask", { type: "lost" }, conflict);
      expect(jobOf(await launch(backend)).id).toBe(first.id);
    });
  });

  it("believes the last answer if AWS has only refused before", async () => {
    const backend = openEcs(fake);
    const throttle = { type: "error", code: "ThrottlingException", message: "Rate" } as const;
    fake.fail("RunTask", throttle, { ...throttle, code: "AccessDeniedException" });
    await expect(launch(backend)).rejects.toBeInstanceOf(PermanentError);
    fake.fail("RunTask", throttle, { ...throttle, code: "ExpiredTokenException" });
    await expect(launch(backend)).rejects.toMatchObject({ code: "rejected" });
    expect(fake.tasks).toEqual([]);
  });

  it("adopts the bound task if the same launch has other parameters by now", async () => {
    const backend = openEcs(fake);
    const first = jobOf(await launch(backend));
    const again = jobOf(await launch(backend, { env: { CHANGED: "1" } }));
    expect(again.id).toBe(first.id);
    expect(fake.tasks).toHaveLength(1);
    expect(fake.count("DescribeTasks")).toBe(1);
  });

  it("adopts a bound task that ECS does not show yet", async () => {
    const backend = openEcs(fake);
    const first = jobOf(await launch(backend));
    fake.setLag(HOUR);
    expect(jobOf(await launch(backend, { env: { CHANGED: "1" } })).id).toBe(first.id);
  });

  it("refuses a bound task that somebody else has started", async () => {
    const backend = openEcs(fake);
    jobOf(await launch(backend, { runId: "other" }));
    const [task] = fake.tasks;
    const resourceIds = [task?.view.taskArn];
    fake.fail("RunTask", {
      type: "error",
      code: "ConflictException",
      message: "in use",
      extra: { resourceIds },
    });
    await expect(launch(backend)).rejects.toThrow(/belongs to the task .* sluice\/other\/1/);
  });

  it("looks for the task when a conflict names none", async () => {
    const backend = openEcs(fake);
    const first = jobOf(await launch(backend));
    const conflict = { type: "error", code: "ConflictException", message: "in use" } as const;
    fake.fail("RunTask", conflict);
    expect(jobOf(await launch(backend)).id).toBe(first.id);
    fake.fail("RunTask", conflict);
    await expect(launch(backend, { runId: "other" })).rejects.not.toBeInstanceOf(PermanentError);
  });

  it("starts no second task with an expired token if whoever asks again looks first", async () => {
    const backend = openEcs(fake);
    const plan = await backend.plan(ecsRun({}));
    const job = jobOf(await backend.launch(plan, keyOf(plan), signal()));
    fake.end(fake.tasks[0], { exitCode: 0, stopCode: "EssentialContainerExited" });
    fake.advance(HOUR - 1);
    expect((await backend.find(keyOf(plan))).map(({ id }) => id)).toEqual([job.id]);
  });

  it("is refused when ECS has no room, and asks for the marked task first", async () => {
    const reason = "RESOURCE:MEMORY";
    fake.fail("RunTask", { type: "failures", reason });
    expect(await launch(openEcs(fake))).toEqual({
      type: "refused",
      message: `ECS cannot place the task: ${reason}`,
      hint: "capacity",
    });
    expect(fake.count("ListTasks")).toBe(2);
    expect(fake.tasks).toEqual([]);
  });

  it("adopts a task that was started beside an answer of failures", async () => {
    fake.fail("RunTask", { type: "failures", reason: "RESOURCE:CPU", beside: true });
    const job = jobOf(await launch(openEcs(fake)));
    expect(fake.tasks.map(({ view }) => view.taskArn)).toEqual([job.id]);
  });

  it("adopts a task beside failures even if it has ended already", async () => {
    const backend = openEcs(fake);
    const first = jobOf(await launch(backend));
    fake.end(fake.tasks[0], { exitCode: 0 });
    fake.fail("RunTask", {
      type: "error",
      code: "ClientException",
      message: "You've reached the limit on the number of tasks",
    });
    expect(jobOf(await launch(backend)).id).toBe(first.id);
  });

  it.each<[reason: string, hint: string | undefined]>([
    ["RESOURCE:ENI", "capacity"],
    ["RESOURCE:FARGATE", "capacity"],
    [
      "Capacity is unavailable at this time. Please try again later or in a different availability zone",
      "capacity",
    ],
    ["NO ACTIVE INSTANCES", "capacity"],
    ["EMPTY CAPACITY PROVIDER", "capacity"],
    ["AGENT", undefined],
    ["allocation in progress", undefined],
    ["ATTRIBUTE", "configuration"],
    ["LOCATION", "configuration"],
    ["MemberOf placement constraint unsatisfied.", "configuration"],
  ])("tells of the failure %s that it is about %s", async (reason, hint) => {
    fake.fail("RunTask", { type: "failures", reason });
    const answer = await launch(openEcs(fake));
    expect(answer).toMatchObject({ type: "refused", message: expect.stringContaining(reason) });
    expect("hint" in answer ? answer.hint : undefined).toBe(hint);
    const advises = "message" in answer && answer.message.includes("placement constraints");
    expect(advises).toBe(hint === "configuration");
  });

  it("is about capacity where one instance has no room, although others would never fit", () => {
    const reasons = ["ATTRIBUTE", "RESOURCE:GPU", "MemberOf placement constraint unsatisfied."];
    expect(refusalFor(reasons.map((reason) => ({ reason })))).toMatchObject({ hint: "capacity" });
  });

  it("is refused, with advice, while ECS may not use the role, for a new one is known late", async () => {
    const message = "ECS was unable to assume the role 'arn:x' that was provided for this task.";
    fake.fail("RunTask", { type: "error", code: "ClientException", message });
    expect(await launch(openEcs(fake))).toMatchObject({
      type: "refused",
      hint: "configuration",
      message: expect.stringMatching(/unable to assume the role .*ecs-tasks\.amazonaws\.com/),
    });
    expect(fake.count("ListTasks")).toBe(2);
  });

  it("is refused while too many tasks are being provisioned", async () => {
    const message = "Capacity is unavailable: quota of tasks in PROVISIONING";
    fake.fail("RunTask", { type: "error", code: "ClientException", message });
    expect(await launch(openEcs(fake))).toMatchObject({ type: "refused", hint: "capacity" });
  });

  it("adopts or leaves open a launch answered with nothing at all", async () => {
    const backend = openEcs(fake);
    fake.fail("RunTask", { type: "empty" });
    await expect(launch(backend)).rejects.toThrow(/neither a task nor a failure/);
    const first = jobOf(await launch(backend));
    fake.fail("RunTask", { type: "empty" });
    expect(jobOf(await launch(backend)).id).toBe(first.id);
  });

  it.each([
    ["ThrottlingException", "Rate exceeded"],
    ["InvalidParameterException", "Error retrieving subnet information: Throttling: Rate exceeded"],
    ["ClientException", "Request throttled by EC2"],
  ])("is throttled by %s: %s, in few calls", async (code, message) => {
    const fault = { type: "error", code, message } as const;
    fake.fail("RunTask", fault, fault, fault, fault, fault);
    const answer = await launch(openEcs(fake));
    expect(answer).toMatchObject({ type: "throttled", message: expect.stringContaining(message) });
    expect(fake.count("RunTask")).toBeLessThanOrEqual(3);
    expect(fake.count("ListTasks")).toBe(0);
  });

  it.each([
    "AccessDeniedException",
    "ClusterNotFoundException",
    "BlockedException",
    "UnsupportedFeatureException",
    "PlatformUnknownException",
    "PlatformTaskDefinitionIncompatibilityException",
    "InvalidParameterException",
    "ClientException",
  ])("is refused for good by %s, in one call", async (code) => {
    fake.fail("RunTask", { type: "error", code, message: "no" });
    const thrown = await launch(openEcs(fake)).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(PermanentError);
    expect(thrown).toMatchObject({
      code: "rejected",
      message: `AWS refused to run the task: ${code}: no`,
    });
    expect(fake.count("RunTask")).toBe(1);
  });

  it("advises on containers", async () => {
    const message = "Override for container named flow is not a container in the TaskDefinition.";
    fake.fail("RunTask", { type: "error", code: "InvalidParameterException", message });
    await expect(launch(openEcs(fake))).rejects.toThrow(/must be named flow/);
  });

  it.each([
    ["RunTask", "ecs:RunTask on resource: task-definition/sluice-throttled"],
    ["RunTask", "iam:PassRole"],
    ["DescribeTaskDefinition", "ecs:DescribeTaskDefinition"],
    ["RegisterTaskDefinition", "ecs:RegisterTaskDefinition"],
  ])(
    "is refused, with advice, while a right is missing, for a new one counts late: %s, %s",
    async (op, right) => {
      const backend = openEcs(fake);
      const message = `User: dispatcher is not authorized to perform: ${right}`;
      fake.fail(op, { type: "error", code: "AccessDeniedException", message });
      const answer = await launch(backend);
      expect(answer).toMatchObject({ type: "refused", hint: "configuration" });
      expect("message" in answer ? answer.message : "").toMatch(
        new RegExp(`^AWS refused .*: ${message}; add the action to the rights of the dispatcher$`),
      );
      expect(fake.count(op)).toBe(1);
      expect(fake.tasks).toEqual([]);
      jobOf(await launch(backend, { launch: 2 }));
    },
  );

  it.each(["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])(
    "is refused with advice where AWS does not take the credentials: %s",
    async (code) => {
      const backend = openEcs(fake);
      fake.fail("RunTask", { type: "error", code, message: "not these" });
      const fault = await faultOf(launch(backend));
      expect(fault.code).toBe("rejected");
      expect(fault.message).toMatch(
        new RegExp(`^the task cannot be started: .*${code}: not these; set or renew them \\(AWS_`),
      );
      expect(fake.tasks).toEqual([]);
      fake.heal();
      jobOf(await launch(backend));
    },
  );

  it("is refused with advice where there are no credentials", async () => {
    const plan = await openEcs(fake).plan(ecsRun({}));
    await withoutProfile(async (env) => {
      const backend = openEcs(fake, ecsAgent(), { env: { ...fake.env, ...env } });
      const fault = await faultOf(backend.launch(plan, keyOf(plan), signal()));
      expect(fault.code).toBe("rejected");
      expect(fault.message).toMatch(/CredentialsProviderError: .*; set or renew them \(AWS_/);
    });
    expect(fake.count("RunTask")).toBe(0);
  });

  it("leaves a task alone that runs while the credentials have expired", async () => {
    const backend = openEcs(fake);
    const job = jobOf(await launch(backend));
    const expired = { type: "error", code: "ExpiredTokenException", message: "expired" } as const;
    fake.fail("DescribeTasks", expired);
    await expect(backend.inspect([job])).rejects.not.toBeInstanceOf(PermanentError);
    fake.fail("StopTask", expired);
    await expect(backend.cancel(job)).rejects.not.toBeInstanceOf(PermanentError);
    expect(await backend.inspect([job])).toMatchObject([{ type: "pending" }]);
  });

  it("is unavailable while ECS cannot be reached", async () => {
    const plan = await openEcs(fake).plan(ecsRun({}));
    await fake.close();
    const once = async () => "arn:aws:ecs:us-east-1:123456789012:task-definition/known:1";
    for (const fresh of [openEcs(fake), openEcs(fake, ecsAgent(), { once })]) {
      expect(await fresh.launch(plan, keyOf(plan), signal())).toEqual({
        type: "unavailable",
        message: expect.stringMatching(/no connection to ECS: .*ECONNREFUSED/),
      });
    }
    fake = await fakeEcs();
  });

  it("goes where its key says, whatever has become of the agent", async () => {
    fake.clusters.add("old");
    const backend = openEcs(fake, ecsAgent({ cluster: "default" }));
    const plan = await backend.plan(ecsRun({}));
    const key = { ...keyOf(plan), target: "us-east-1/old" };
    const job = jobOf(await backend.launch(plan, key, signal()));
    expect(fake.tasks.map(({ cluster }) => cluster)).toEqual(["old"]);
    expect(await backend.inspect([job])).toMatchObject([{ type: "pending" }]);
    expect((await backend.find(key)).map(({ id }) => id)).toEqual([job.id]);
    expect(await backend.find(keyOf(plan))).toEqual([]);
  });

  it("stops waiting for a registration when its signal is aborted", async () => {
    const never = () => new Promise<string>(() => {});
    const backend = openEcs(fake, ecsAgent(), { once: never });
    const plan = await backend.plan(ecsRun({}));
    const controller = new AbortController();
    const launching = backend.launch(plan, keyOf(plan), controller.signal);
    controller.abort();
    await expect(launching).rejects.toThrow(/abort/i);
    expect(fake.tasks).toEqual([]);
  });

  it("breaks off a call on its way when its signal is aborted", async () => {
    const backend = openEcs(fake);
    await launch(backend, { runId: "warm" });
    const plan = await backend.plan(ecsRun({}));
    const controller = new AbortController();
    fake.fail("RunTask", { type: "hang" });
    const launching = backend.launch(plan, keyOf(plan), controller.signal);
    await fake.called("RunTask", 2);
    controller.abort();
    await expect(launching).rejects.toMatchObject({ name: "AbortError" });
  });

  describe("where ECS loses the overrides of a task", () => {
    let lossy: FakeEcs;
    beforeEach(async () => {
      lossy = await fakeEcs({ dropOverrides: true });
    });
    afterEach(() => lossy.close());

    it("stops the task and is refused, for it would run without its command", async () => {
      const answer = await launch(openEcs(lossy), { command: ["sleep"] });
      const [task] = lossy.tasks;
      expect(answer).toEqual({
        type: "refused",
        message: `ECS started the task ${task?.view.taskArn} without the command and the variable SLUICE_RUN_ID of the run, so it was stopped`,
        hint: "configuration",
        stopped: true,
      });
      expect(task?.view).toMatchObject({
        desiredStatus: "STOPPED",
        stoppedReason: "Undone by Sluice: ECS lost the overrides of the task (sluice/run-1/1)",
      });
    });

    it("does not take that task for the job of the launch", async () => {
      const backend = openEcs(lossy);
      const plan = await backend.plan(ecsRun({}));
      await backend.launch(plan, keyOf(plan), signal());
      expect(await backend.find(keyOf(plan))).toEqual([]);
      lossy.tick();
      expect(lossy.tasks[0]?.view.lastStatus).toBe("STOPPED");
      expect(await backend.find(keyOf(plan))).toEqual([]);
    });

    it("ends the run, naming the task, if that cannot be stopped", async () => {
      const message = "not authorized to perform: ecs:StopTask";
      lossy.fail("StopTask", { type: "error", code: "AccessDeniedException", message });
      const thrown = await launch(openEcs(lossy)).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(PermanentError);
      expect(String(thrown)).toMatch(/task\/default\/0+1 .*stop it by hand.*ecs:StopTask/);
    });
  });

  it("takes a task of which ECS does not say the overrides", async () => {
    const silent = await fakeEcs({ echoOverrides: false });
    jobOf(await launch(openEcs(silent)));
    expect(silent.count("StopTask")).toBe(0);
    await silent.close();
  });

  it("names a job by its task, with a page about it", async () => {
    const job = jobOf(await launch(openEcs(fake, ecsAgent({}), { once: sharedOnce() })));
    const arn = fake.tasks[0]?.view.taskArn ?? "";
    expect(job).toEqual({
      backend: "ecs",
      id: arn,
      url: `https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/default/tasks/${arn.slice(-32)}?region=us-east-1`,
      ref: {
        region: "us-east-1",
        cluster: "default",
        task: arn,
        container: "flow",
        startedBy: "sluice/run-1/1",
      },
    });
  });
});
