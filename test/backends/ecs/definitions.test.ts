import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ecsApi } from "../../../src/backends/ecs/api.ts";
import { MAKING_MS, openDefinitions, says } from "../../../src/backends/ecs/definitions.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { Once } from "../../../src/registry.ts";
import { LEASE_MS } from "../../../src/stores/once.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { ecsAgent, ecsRun, jobOf, keyOf, launch, openEcs, sharedOnce, signal } from "./steps.ts";

describe("task definitions on ecs", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  it("are registered once for fifty launches at the same time, in several processes", async () => {
    const once = sharedOnce();
    const processes = Array.from({ length: 5 }, () => openEcs(fake, ecsAgent(), { once }));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        launch(processes[index % 5] ?? openEcs(fake), { runId: `run-${index}` }),
      ),
    );
    expect(new Set(answers.map((answer) => jobOf(answer).id)).size).toBe(50);
    expect(fake.count("RegisterTaskDefinition")).toBe(1);
    const used = new Set(fake.tasks.map(({ view }) => view.taskDefinitionArn));
    expect([...used]).toEqual([fake.definitions[0]?.taskDefinitionArn]);
  });

  it("are neither registered nor described after a cold start", async () => {
    const once = sharedOnce();
    await launch(openEcs(fake, ecsAgent(), { once }), { runId: "first" });
    fake.calls.length = 0;
    await launch(openEcs(fake, ecsAgent(), { once }), { runId: "second" });
    expect(fake.calls.filter((call) => call.includes("TaskDefinition"))).toEqual([]);
  });

  it("are found by their family if the registry has forgotten them", async () => {
    await launch(openEcs(fake), { runId: "first" });
    await launch(openEcs(fake), { runId: "second" });
    expect(fake.count("RegisterTaskDefinition")).toBe(1);
    expect(fake.definitions).toHaveLength(1);
  });

  it("are registered anew beside a revision that somebody has changed by hand", async () => {
    await launch(openEcs(fake), { runId: "first" });
    const [ours] = fake.definitions;
    const containers = [{ name: "flow", image: "somebody/else:1" }];
    const taskDefinitionArn = `${ours?.taskDefinitionArn.slice(0, -1)}2`;
    fake.definitions.push({
      ...ours,
      revision: 2,
      status: "ACTIVE",
      taskDefinitionArn,
      containerDefinitions: containers,
    });
    await launch(openEcs(fake), { runId: "second" });
    expect(fake.count("RegisterTaskDefinition")).toBe(2);
    expect(fake.tasks.at(-1)?.view.taskDefinitionArn).toMatch(/:3$/);
  });

  it("are the same for every run of one content, and others for another", async () => {
    const backend = openEcs(fake);
    const familyOf = async (
      options: Parameters<typeof ecsRun>[0],
      parts: Parameters<typeof ecsRun>[1] = {},
    ) => {
      const { launch: planned } = await backend.plan(
        ecsRun(options, { flow: { storage: null }, ...parts }),
      );
      return (planned["register_task_definition"] as { family: string }).family;
    };
    const plain = await familyOf({ image: "a" });
    expect(plain).toMatch(/^sluice-nightly-load-[0-9a-f]{12}$/);
    expect(
      await familyOf(
        { image: "a", cpu: "2 vcpu", memory: "4 GB", task_role_arn: "arn:r" },
        { runId: "other", env: { A: "1" }, parameters: { a: 1 }, launch: 3 },
      ),
    ).toBe(plain);
    expect(
      await familyOf({
        image: "a",
        task_definition: { cpu: 256, memory: 512, containerDefinitions: [{ name: "flow" }] },
      }),
    ).not.toBe(plain);
    expect(await familyOf({ image: "b" })).not.toBe(plain);
    const template = { cpu: 1024, memory: "2 GB", containerDefinitions: [] };
    const same = { containerDefinitions: [], memory: 2048, cpu: "1 vCPU" };
    expect(await familyOf({ image: "a", task_definition: template })).toBe(
      await familyOf({ image: "a", task_definition: same }),
    );
  });

  it("have a family of at most 255 characters, whatever the flow is called", async () => {
    const plan = async (name: string) => {
      const { launch: planned } = await openEcs(fake).plan(
        ecsRun({ image: "a" }, { flow: { name, storage: null } }),
      );
      return planned["register_task_definition"] as { family: string; tags: unknown };
    };
    expect((await plan("x".repeat(255))).family).toHaveLength(255);
    const odd = await plan("☃ #1 <b>");
    expect(odd.family).toMatch(/^sluice-1-b-[0-9a-f]{12}$/);
    expect(odd.tags).toEqual([
      { key: "sluice:flow", value: "- -1 -b-" },
      { key: "sluice:definition", value: odd.family.slice(-12) },
    ]);
    expect((await plan("☃")).family).toMatch(/^sluice-[0-9a-f]{12}$/);
  });

  it("are registered anew, once, when they have become inactive", async () => {
    const once = sharedOnce();
    const first = openEcs(fake, ecsAgent(), { once });
    const second = openEcs(fake, ecsAgent(), { once });
    await launch(first, { runId: "one" });
    await launch(second, { runId: "two" });
    fake.deactivate(fake.definitions[0]?.taskDefinitionArn ?? "");
    const answers = await Promise.all([
      launch(first, { runId: "three" }),
      launch(first, { runId: "four" }),
      launch(second, { runId: "five" }),
    ]);
    expect(answers.map(({ type }) => type)).toEqual(["launched", "launched", "launched"]);
    expect(fake.definitions).toHaveLength(2);
    fake.calls.length = 0;
    await launch(first, { runId: "six" });
    expect(fake.calls).toEqual(["RunTask"]);
    // A cold start finds the successor in the registry.
    await launch(openEcs(fake, ecsAgent(), { once }), { runId: "seven" });
    expect(fake.definitions).toHaveLength(2);
  });

  describe("deregistered time and again", () => {
    let once: Once;
    beforeEach(() => {
      once = sharedOnce();
    });
    const coldStart = () => openEcs(fake, ecsAgent(), { once });
    /** Registers so many revisions, of which all but the last one are inactive by now. */
    async function register(revisions: number) {
      const backend = coldStart();
      for (let n = 1; n <= revisions; n++) {
        for (const { taskDefinitionArn } of fake.definitions) fake.deactivate(taskDefinitionArn);
        jobOf(await launch(backend, { runId: `earlier-${n}` }));
      }
      expect(fake.definitions).toHaveLength(revisions);
      fake.calls.length = 0;
    }

    it("are run all the same by the first launch of a process that has just started", async () => {
      await register(4);
      const backend = coldStart();
      jobOf(await launch(backend, { runId: "first" }));
      const [last] = fake.definitions.slice(-1);
      expect(fake.tasks.at(-1)?.view.taskDefinitionArn).toBe(last?.taskDefinitionArn);
      expect(fake.calls.filter((call) => call.includes("Task"))).toEqual(Array(4).fill("RunTask"));
      fake.calls.length = 0;
      jobOf(await launch(backend, { runId: "second" }));
      expect(fake.calls).toEqual(["RunTask"]);
    });

    it("are registered once more by such a process if the last one is inactive too", async () => {
      await register(3);
      fake.deactivate(fake.definitions[2]?.taskDefinitionArn ?? "");
      const backends = Array.from({ length: 5 }, coldStart);
      const answers = await Promise.all(
        backends.map((backend, index) => launch(backend, { runId: `cold-${index}` })),
      );
      for (const answer of answers) jobOf(answer);
      expect(fake.count("RegisterTaskDefinition")).toBe(1);
      expect(fake.definitions).toHaveLength(4);
    });

    it("are passed over by several launches if there are very many", async () => {
      await register(14);
      const backend = coldStart();
      expect(await launch(backend, { runId: "late" })).toMatchObject({
        type: "refused",
        message: expect.stringMatching(/:11 is inactive/),
      });
      expect(fake.count("RunTask")).toBe(11);
      jobOf(await launch(backend, { runId: "late", launch: 2 }));
      expect(fake.count("RegisterTaskDefinition")).toBe(0);
    });

    it("are refused for now where the registry goes round in a circle", async () => {
      once = async (key) => (key.endsWith(":1") ? arn(2) : arn(1));
      const arn = (revision: number) => `arn:aws:ecs:us-east-1:1:task-definition/etl:${revision}`;
      expect(await launch(coldStart())).toMatchObject({
        type: "refused",
        message: expect.stringMatching(/:1 is inactive/),
      });
      expect(fake.count("RunTask")).toBe(2);
    });
  });

  it("are refused for now when the successor is inactive as well", async () => {
    const once = sharedOnce();
    const backend = openEcs(fake, ecsAgent(), { once });
    const inactive = {
      type: "error",
      code: "ClientException",
      message: "TaskDefinition is inactive",
    } as const;
    fake.fail("RunTask", inactive, inactive);
    expect(await launch(backend)).toMatchObject({
      type: "refused",
      message: expect.stringMatching(/is inactive/),
    });
    const conflict = { type: "error", code: "ConflictException", message: "in use" } as const;
    fake.fail("RunTask", inactive, conflict);
    expect(await launch(backend, { launch: 2 })).toEqual({ type: "refused", message: "in use" });
    expect(fake.tasks).toEqual([]);
  });

  it("are not registered anew when given by ARN", async () => {
    const family = {
      taskDefinitionArn: "fam:3",
      revision: 3,
      status: "INACTIVE",
      family: "fam",
    } as const;
    fake.definitions.push({ ...family, containerDefinitions: [{ name: "flow", image: "a" }] });
    const backend = openEcs(fake);
    const plan = await backend.plan(
      ecsRun({ task_definition_arn: "fam:3" }, { flow: { storage: null } }),
    );
    await expect(backend.launch(plan, keyOf(plan), signal())).rejects.toThrow(
      /TaskDefinition is inactive/,
    );
    expect(fake.definitions).toHaveLength(1);
  });

  it("are the winner's if somebody else registers them at the same time", async () => {
    const fake = await fakeEcs({ contenders: 2 });
    // Three installations do not share a registry.
    const answers = await Promise.all([
      launch(openEcs(fake), { runId: "one" }),
      launch(openEcs(fake), { runId: "two" }),
      launch(openEcs(fake), { runId: "three" }),
    ]);
    for (const { type } of answers) expect(["launched", "throttled"]).toContain(type);
    expect(answers.map(({ type }) => type)).toContain("launched");
    expect(fake.definitions).toHaveLength(1);
    expect(await launch(openEcs(fake), { runId: "two" })).toMatchObject({ type: "launched" });
    expect(fake.definitions).toHaveLength(1);
    await fake.close();
  });

  it("are adopted from the winner once its registration is seen", async () => {
    await launch(openEcs(fake), { runId: "winner" });
    fake.fail("DescribeTaskDefinition", {
      type: "error",
      code: "ClientException",
      message: "Unable to describe task definition.",
    });
    fake.fail("RegisterTaskDefinition", {
      type: "error",
      code: "ClientException",
      message: "Too many concurrent attempts to create a new revision of the specified family.",
    });
    expect(await launch(openEcs(fake))).toMatchObject({ type: "launched" });
    expect(fake.definitions).toHaveLength(1);
  });

  it.each([
    ["ThrottlingException", "Rate exceeded", { type: "throttled" }],
    ["ExpiredTokenException", "expired", { code: "rejected" }],
  ])("keep a launch from ECS when registering fails by %s", async (code, message, answer) => {
    const fault = { type: "error", code, message } as const;
    fake.fail("RegisterTaskDefinition", fault, fault, fault);
    const backend = openEcs(fake);
    expect(await launch(backend).catch((error: unknown) => error)).toMatchObject(answer);
    expect(fake.count("RunTask")).toBe(0);
    fake.heal();
    expect(await launch(backend)).toMatchObject({ type: "launched" });
  });

  it.each(["DescribeTaskDefinition", "RegisterTaskDefinition"])(
    "are given up when their time is over while %s is not answered, and can be made again",
    async (op) => {
      const controllers: AbortController[] = [];
      const deadline = () => {
        const controller = new AbortController();
        controllers.push(controller);
        return controller.signal;
      };
      const parts = { once: sharedOnce(), scope: "test", deadline };
      const definitions = openDefinitions(ecsApi(fake.env), parts);
      const content = { family: "etl", containerDefinitions: [{ name: "flow", image: "a" }] };
      fake.fail(op, { type: "hang" });
      const making = definitions.revisionOf("us-east-1", content);
      const failed = expect(making).rejects.toMatchObject({ name: "AbortError" });
      await fake.called(op, 1);
      controllers[0]?.abort();
      await failed;
      expect(fake.count(op)).toBe(1);
      const { arn } = await definitions.revisionOf("us-east-1", content);
      expect(arn).toMatch(/task-definition\/etl:1$/);
      expect(fake.definitions).toHaveLength(1);
    },
  );

  it("are made within the lease of those who make them, with time to spare", () => {
    const spare = 10_000;
    expect(MAKING_MS + spare).toBeLessThanOrEqual(LEASE_MS);
  });

  it("end a launch for good when AWS refuses them", async () => {
    fake.fail("RegisterTaskDefinition", {
      type: "error",
      code: "ClientException",
      message: "No Fargate configuration exists for given values.",
    });
    const thrown = await launch(openEcs(fake)).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(PermanentError);
    expect(String(thrown)).toMatch(
      /refused the task definition: ClientException: No Fargate configuration/,
    );
  });

  it("leave open what happened when registering fails on the side of AWS", async () => {
    const fault = { type: "error", code: "ServerException", message: "oops", status: 500 } as const;
    fake.fail("RegisterTaskDefinition", fault, fault, fault);
    const thrown = await launch(openEcs(fake)).catch((error: unknown) => error);
    expect(thrown).not.toBeInstanceOf(PermanentError);
    expect(fake.count("RunTask")).toBe(0);
  });
});

describe("a description by AWS", () => {
  it("says what was registered although defaults are added and lists are in another order", () => {
    const ours = {
      a: "1",
      list: [{ name: "x", value: "1" }, { name: "y" }],
      empty: [],
      none: null,
    };
    const theirs = {
      list: [
        { name: "y", cpu: 0 },
        { name: "x", value: "1", essential: true },
      ],
      a: "1",
      more: [],
      other: {},
    };
    expect(says(theirs, ours)).toBe(true);
  });

  it.each([
    [{ a: "2" }, { a: "1" }],
    [{}, { a: "1" }],
    [{ a: ["x", "y"] }, { a: ["y", "x"] }],
    [{ a: ["x", "y"] }, { a: ["x"] }],
    [{ a: "x" }, { a: ["x"] }],
    [{ a: "x" }, { a: { b: "x" } }],
    [{ a: "1", command: ["rm"] }, { a: "1" }],
    [{ a: "1", user: "root" }, { a: "1" }],
    [{ a: "x" }, { a: [] }],
  ])("is not taken for what was registered: %j for %j", (theirs, ours) => {
    expect(says(theirs, ours)).toBe(false);
  });
});
