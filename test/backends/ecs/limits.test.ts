import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { overridesFault } from "../../../src/backends/ecs/limits.ts";
import type { JsonObject } from "../../../src/json.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { ecsAgent, ecsRun, faultOf, openEcs, providers } from "./steps.ts";

/** A size Fargate has. */
const SIZE = { cpu: 256, memory: 512 };

describe("plan on ecs refuses what AWS would refuse, before the call:", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  const definition = (parts: JsonObject): JsonObject => ({
    task_definition: { ...SIZE, ...parts },
  });
  const kwargs = (parts: JsonObject): JsonObject => ({ run_task_kwargs: parts });
  const network = (parts: JsonObject) =>
    kwargs({ networkConfiguration: { awsvpcConfiguration: parts } });
  const names = (count: number, name = "x") =>
    Array.from({ length: count }, (_, index) => `${name}-${index}`);
  const windows = { runtimePlatform: { operatingSystemFamily: "WINDOWS_SERVER_2022_CORE" } };
  const disk = (sizeInGiB: number) => ({ ephemeralStorage: { sizeInGiB } });
  const twice = [
    { key: "a", value: "1" },
    { key: "b", value: "1" },
    { key: "a", value: "2" },
  ];

  it.each<[what: string, run: JsonObject, path: string, message: RegExp]>([
    [
      "a tag twice in a definition",
      definition({ tags: twice }),
      "run_config.task_definition.tags.2.key",
      /each key once, got the text "a"/,
    ],
    [
      "a tag twice on a task",
      kwargs({ tags: twice }),
      "run_config.run_task_kwargs.tags.2.key",
      /each key once/,
    ],
    [
      "too small a disk on Fargate",
      definition(disk(20)),
      "run_config.task_definition.ephemeralStorage.sizeInGiB",
      /21 to 200 GiB, got 20/,
    ],
    [
      "too large a disk on Fargate",
      definition(disk(201)),
      "run_config.task_definition.ephemeralStorage.sizeInGiB",
      /21 to 200 GiB, got 201/,
    ],
    [
      "too large a disk of one task",
      kwargs({ overrides: disk(5_000) }),
      "run_config.run_task_kwargs.overrides.ephemeralStorage.sizeInGiB",
      /21 to 200 GiB, got 5000/,
    ],
    [
      "Windows with half a CPU",
      definition({ ...windows, cpu: 512, memory: 1024 }),
      "run_config.task_definition.cpu",
      /WINDOWS_SERVER_2022_CORE with a cpu of 1024 or more, got 512/,
    ],
    [
      "Windows with half a CPU for one task",
      { ...definition({ ...windows, cpu: 1024, memory: 2048 }), cpu: ".5 vcpu" },
      "run_config.cpu",
      /1024 or more, got 512/,
    ],
    [
      "no sizes on Fargate",
      { task_definition: { containerDefinitions: [] } },
      "run_config",
      /says its cpu and memory/,
    ],
    [
      "no memory on Fargate",
      { task_definition: { cpu: 256 } },
      "run_config",
      /task definition says its memory/,
    ],
    [
      "eleven containers, with the flow's",
      definition({ containerDefinitions: names(10).map((name) => ({ name, image: "a" })) }),
      "run_config.task_definition.containerDefinitions",
      /at most 10 containers .*, got 11/,
    ],
    [
      "a container name that is none",
      definition({ containerDefinitions: [{ name: "a b!", image: "a" }] }),
      "run_config.task_definition.containerDefinitions.0.name",
      /letters, digits, underscores and hyphens.*"a b!"/,
    ],
    [
      "too long a container name",
      definition({ containerDefinitions: [{ name: "a".repeat(256), image: "a" }] }),
      "run_config.task_definition.containerDefinitions.0.name",
      /255 at most/,
    ],
    [
      "a definition over 64 KiB",
      definition({
        containerDefinitions: [
          { name: "flow", environment: [{ name: "A", value: "é".repeat(32_700) }] },
        ],
      }),
      "run_config.task_definition",
      /at most 65536 bytes as JSON, got 65\d\d\d/,
    ],
    [
      "seventeen subnets",
      network({ subnets: names(17, "subnet") }),
      "run_config.run_task_kwargs.networkConfiguration.awsvpcConfiguration.subnets",
      /at most 16, got a list of 17/,
    ],
    [
      "six security groups",
      network({ subnets: ["subnet-a"], securityGroups: names(6, "sg") }),
      "run_config.run_task_kwargs.networkConfiguration.awsvpcConfiguration.securityGroups",
      /at most 5, got a list of 6/,
    ],
    [
      "a launch type beside capacity providers",
      kwargs({ launchType: "EC2", capacityProviderStrategy: providers("mine") }),
      "run_config.run_task_kwargs.capacityProviderStrategy",
      /either launchType or capacityProviderStrategy, got EC2 and 1 providers/,
    ],
    [
      "21 capacity providers",
      kwargs({ capacityProviderStrategy: providers(...names(21)) }),
      "run_config.run_task_kwargs.capacityProviderStrategy",
      /at most 20 capacity providers, got a list of 21/,
    ],
    [
      "a base for two capacity providers",
      kwargs({
        capacityProviderStrategy: providers("a", "b", "c").map((one, index) => ({
          ...one,
          base: index,
        })),
      }),
      "run_config.run_task_kwargs.capacityProviderStrategy.2.base",
      /one capacity provider only/,
    ],
  ])("%s", async (_what, run, path, message) => {
    const fault = await faultOf(openEcs(fake).plan(ecsRun(run)));
    expect(fault.code).toBe("invalid");
    expect(fault.issues).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it.each<[what: string, run: JsonObject]>([
    ["a disk of 21 GiB", definition(disk(21))],
    ["a disk of 200 GiB", kwargs({ overrides: disk(200) })],
    ["a large disk elsewhere", { ...kwargs({ launchType: "EC2" }), task_definition: disk(500) }],
    ["no sizes elsewhere", { ...kwargs({ launchType: "EC2" }), task_definition: { tags: [] } }],
    ["Windows with a CPU", definition({ ...windows, cpu: 1024, memory: 2048 })],
    ["ten containers", definition({ containerDefinitions: names(9).map((name) => ({ name })) })],
    ["sixteen subnets and five groups", network({ subnets: names(16), securityGroups: names(5) })],
    [
      "a base for one provider",
      kwargs({ capacityProviderStrategy: [{ ...providers("a")[0], base: 1 }] }),
    ],
  ])("but not %s", async (_what, run) => {
    const agent = ecsAgent({
      launch_type: run["task_definition"] && run["run_task_kwargs"] ? "EC2" : "FARGATE",
    });
    await expect(openEcs(fake, agent).plan(ecsRun(run, {}, agent))).resolves.toBeDefined();
  });

  it("and says when it is the agent's arguments that are wrong", async () => {
    const agent = ecsAgent({
      run_task_kwargs: { launchType: "EC2", capacityProviderStrategy: providers("mine") },
    });
    const { issues } = await faultOf(openEcs(fake, agent).plan(ecsRun({}, {}, agent)));
    expect(issues.map(({ path }) => path)).toEqual([
      "agent.run_task_kwargs.capacityProviderStrategy",
    ]);
    const file = ecsAgent({ run_task_kwargs_path: "s3://b/k" });
    const readTemplate = async () => ({ tags: twice });
    const fault = await faultOf(openEcs(fake, file, { readTemplate }).plan(ecsRun({}, {}, file)));
    expect(fault.issues.map(({ path }) => path)).toEqual(["agent.run_task_kwargs.tags.2.key"]);
  });
});

describe("the characters of overrides", () => {
  it("are bounded, and the largest variables are named without their values", () => {
    const environment = [
      { name: "SMALL", value: "x" },
      { name: "LARGE", value: "secret".repeat(2_000) },
      { name: "MIDDLE", value: "y".repeat(500) },
    ];
    const fault = overridesFault({ containerOverrides: [{ name: "flow", environment }] });
    expect(fault).toMatch(
      /have 12\d{3} characters, RunTask takes 8192; .* LARGE \(12\d{3}\), MIDDLE \(\d+\), SMALL/,
    );
    expect(fault).not.toContain("secretsecret");
    const exactly = (size: number) => ({ x: "y".repeat(size - '{"x":""}'.length) });
    expect(overridesFault(exactly(8_192))).toBeUndefined();
    expect(overridesFault(exactly(8_193))).toContain("8193 characters");
  });
});
