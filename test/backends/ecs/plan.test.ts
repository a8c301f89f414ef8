import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import type { LaunchPlan } from "../../../src/backend.ts";
import { backend as ecs } from "../../../src/backends/ecs/index.ts";
import { agentOptions } from "../../../src/backends/ecs/options.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { testWorld } from "../../fakes/world.ts";
import {
  ecsAgent,
  ecsRequest,
  ecsRun,
  faultOf,
  openEcs,
  providers,
  withoutProfile,
} from "./steps.ts";

interface Planned {
  readonly register_task_definition: JsonObject & {
    readonly containerDefinitions: readonly JsonObject[];
  };
  readonly task_definition: string | null;
  readonly run_task: JsonObject & {
    readonly overrides: JsonObject & {
      readonly containerOverrides: readonly (JsonObject & {
        readonly environment: readonly { readonly name: string; readonly value: string }[];
      })[];
    };
  };
}

function launchOf(plan: LaunchPlan): Planned {
  return plan.launch as unknown as Planned;
}

/** A size Fargate has. */
const SIZE = { cpu: 256, memory: 512 };

describe("plan on ecs", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
  });
  afterEach(() => fake.close());

  it("asks ECS nothing, and EC2 for the default network once", async () => {
    const backend = openEcs(fake);
    await backend.plan(ecsRequest({ runId: "a" }));
    await backend.plan(ecsRequest({ runId: "b" }));
    expect(fake.calls).toEqual(["DescribeVpcs", "DescribeSubnets"]);
    fake.advance(6 * 60_000);
    await backend.plan(ecsRequest({ runId: "c" }));
    expect(fake.calls).toHaveLength(4);
  });

  it("asks for the network anew if the first answer was a failure", async () => {
    const backend = openEcs(fake, ecsAgent(), {
      env: { ...fake.env, AWS_ENDPOINT_URL: "http://127.0.0.1:9" },
    });
    await expect(backend.plan(ecsRequest())).rejects.toThrow(/ECONNREFUSED/);
    await expect(backend.plan(ecsRequest())).rejects.not.toBeInstanceOf(PermanentError);
  });

  it.each([
    [
      "network",
      /agent prod has no networkConfiguration.*default VPC of us-east-1.*credentials.*AWS_ACCESS_KEY_ID.*or set a networkConfiguration/s,
    ],
    [
      "definition",
      /task definition "etl:1".*agent prod.*credentials.*AWS_ACCESS_KEY_ID.*or name none/s,
    ],
  ])(
    "says without credentials what it wanted to read of the %s, and for whom",
    async (what, message) => {
      const request = ecsRun(what === "network" ? {} : { task_definition_arn: "etl:1" });
      const flow = what === "network" ? request.flow : { ...request.flow, storage: null };
      await withoutProfile(async (without) => {
        const backend = openEcs(fake, ecsAgent(), { env: { ...fake.env, ...without } });
        const fault = await faultOf(backend.plan({ ...request, flow }));
        expect(fault.code).toBe("rejected");
        expect(fault.message).toMatch(message);
      });
    },
  );

  it("reads nothing where the default network is of no use", async () => {
    const run = ecsRun({ run_task_kwargs: { launchType: "EC2" } });
    await openEcs(fake).plan(run);
    await openEcs(fake, ecsAgent({ launch_type: "EC2" })).plan(ecsRequest());
    expect(fake.calls).toEqual([]);
  });

  it("refuses an agent without network where there is no default VPC", async () => {
    const empty = await fakeEcs({ vpcs: [] });
    const fault = await faultOf(openEcs(empty).plan(ecsRequest()));
    expect(fault.message).toMatch(
      /no default VPC in us-east-1: give the agent prod a networkConfiguration/,
    );
    await empty.close();
  });

  it("is refused in AWS's words if the default network may not be looked up", async () => {
    fake.fail("DescribeVpcs", {
      type: "error",
      code: "UnauthorizedOperation",
      message: "You are not authorized to perform this operation.",
      status: 403,
    });
    const fault = await faultOf(openEcs(fake).plan(ecsRequest()));
    expect(fault.message).toMatch(/to describe the default VPC: UnauthorizedOperation/);
  });

  it.each<[what: string, agent: JsonObject, run: JsonObject]>([
    ["an agent", { run_task_kwargs: { capacityProviderStrategy: providers("FARGATE_SPOT") } }, {}],
    [
      "a run",
      { launch_type: "EC2" },
      { run_task_kwargs: { capacityProviderStrategy: providers("FARGATE", "FARGATE_SPOT") } },
    ],
    [
      "a run with a launch type",
      { launch_type: "EC2" },
      { run_task_kwargs: { launchType: "FARGATE" } },
    ],
  ])("has the default network where %s goes to Fargate", async (_what, options, run) => {
    const agent = ecsAgent(options);
    const plan = await openEcs(fake, agent).plan(ecsRun(run, {}, agent));
    expect(launchOf(plan).run_task).toMatchObject({
      networkConfiguration: {
        awsvpcConfiguration: { subnets: ["subnet-a", "subnet-b"], assignPublicIp: "ENABLED" },
      },
    });
    expect(plan.warnings).toEqual([]);
  });

  it.each([providers("mine"), providers("FARGATE_SPOT", "mine")])(
    "has no network by itself with the providers %j",
    async (...strategy) => {
      const agent = ecsAgent({ run_task_kwargs: { capacityProviderStrategy: strategy } });
      const plan = await openEcs(fake, agent).plan(ecsRun({}, {}, agent));
      expect(launchOf(plan).run_task).not.toHaveProperty("networkConfiguration");
    },
  );

  it("takes sixteen subnets of a default VPC with more", async () => {
    const subnets = Array.from({ length: 20 }, (_, index) => `subnet-${index}`);
    const large = await fakeEcs({ subnets });
    const plan = await openEcs(large).plan(ecsRequest());
    expect(launchOf(plan).run_task).toMatchObject({
      networkConfiguration: { awsvpcConfiguration: { subnets: subnets.slice(0, 16) } },
    });
    await large.close();
  });

  it("needs no default network if agent or run have their own", async () => {
    const network = { networkConfiguration: { awsvpcConfiguration: { subnets: ["mine"] } } };
    await openEcs(fake, ecsAgent({ run_task_kwargs: network })).plan(ecsRequest());
    const plan = await openEcs(fake).plan(ecsRun({ run_task_kwargs: network }));
    expect(launchOf(plan).run_task).toMatchObject(network);
    expect(fake.calls).toEqual([]);
  });

  it("warns of a network mode without a network", async () => {
    const agent = ecsAgent({ launch_type: "EC2" });
    const { warnings } = await openEcs(fake, agent).plan(ecsRequest({}, agent));
    expect(warnings).toEqual([
      expect.stringMatching(/network mode awsvpc and nothing says which network/),
    ]);
  });

  it("gives the flow variables of every layer, the container's own list last", async () => {
    const agent = ecsAgent({}, { env: { A: "agent", B: "agent", FLAG: true, N: 1, GONE: null } });
    const kwargs = {
      overrides: {
        containerOverrides: [
          {
            name: "flow",
            environment: [
              { name: "B", value: "list" },
              { name: "C", value: "list" },
            ],
          },
        ],
      },
    };
    const plan = await openEcs(fake, agent).plan(
      ecsRun({ run_task_kwargs: kwargs }, { env: { B: "run" } }, agent),
    );
    const [flow] = launchOf(plan).run_task.overrides.containerOverrides;
    const own = flow?.environment.filter(({ name }) => !name.startsWith("SLUICE_"));
    expect(own).toEqual([
      { name: "A", value: "agent" },
      { name: "B", value: "run" },
      { name: "FLAG", value: "true" },
      { name: "N", value: "1" },
      { name: "C", value: "list" },
    ]);
    expect(flow?.environment).toContainEqual({ name: "SLUICE_RUN_ID", value: "run-1" });
    expect(plan.secrets).toEqual(["A", "FLAG", "N", "GONE"]);
  });

  it("leaves the command to the image where the flow has none", async () => {
    const plan = await openEcs(fake).plan(ecsRequest({ command: null }));
    expect(launchOf(plan).run_task.overrides.containerOverrides[0]).not.toHaveProperty("command");
  });

  it("has no variable of Prefect in it for other engines", async () => {
    const plan = await openEcs(fake).plan(ecsRequest());
    expect(JSON.stringify(plan.launch)).not.toContain("PREFECT");
  });

  it("hands secrets to ECS by reference, never by value", async () => {
    const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-abc:password::";
    const agent = ecsAgent(
      {},
      { env: { KEY: { secret: "ssm:/prod/key" }, DB: { secret: `secretsmanager:${arn}` } } },
    );
    const template = {
      ...SIZE,
      containerDefinitions: [
        {
          name: "flow",
          environment: [
            { name: "KEY", value: "old" },
            { name: "KEEP", value: "1" },
          ],
          secrets: [
            { name: "DB", valueFrom: "old" },
            { name: "MORE", valueFrom: "more" },
          ],
        },
      ],
    };
    const plan = await openEcs(fake, agent).plan(ecsRun({ task_definition: template }, {}, agent));
    const [flow] = launchOf(plan).register_task_definition.containerDefinitions;
    expect(flow?.["secrets"]).toEqual([
      { name: "MORE", valueFrom: "more" },
      { name: "KEY", valueFrom: "/prod/key" },
      { name: "DB", valueFrom: arn },
    ]);
    expect(flow?.["environment"]).toEqual([{ name: "KEEP", value: "1" }]);
    expect(JSON.stringify(launchOf(plan).run_task)).not.toMatch(/KEY|DB/);
    expect(plan.secrets).toEqual(["KEY", "DB"]);
  });

  it("lets a run's plain value win over an agent's secret", async () => {
    const agent = ecsAgent({}, { env: { KEY: { secret: "ssm:/prod/key" } } });
    const plan = await openEcs(fake, agent).plan(ecsRequest({ env: { KEY: "plain" } }, agent));
    expect(launchOf(plan).register_task_definition.containerDefinitions[0]).not.toHaveProperty(
      "secrets",
    );
    expect(JSON.stringify(launchOf(plan).run_task)).toContain('{"name":"KEY","value":"plain"}');
  });

  it("refuses secrets that ECS cannot fetch", async () => {
    const agent = ecsAgent(
      {},
      { env: { A: { secret: "env:TOKEN" }, B: { secret: "secretsmanager:name" } } },
    );
    const { issues } = await faultOf(openEcs(fake, agent).plan(ecsRequest({}, agent)));
    expect(issues).toEqual([
      {
        path: "env.A.secret",
        message:
          "expected ssm:NAME or secretsmanager:ARN, for ECS itself fetches the value, got env:TOKEN",
      },
      {
        path: "env.B.secret",
        message: "expected the ARN of the secret, for ECS takes no name, got secretsmanager:name",
      },
    ]);
  });

  it("takes secrets of a definition given by ARN only if it has them", async () => {
    const foreign = await fakeEcs({
      foreign: {
        containerDefinitions: [{ name: "flow", secrets: [{ name: "A", valueFrom: "a" }] }],
      },
    });
    const agent = ecsAgent({}, { env: { A: { secret: "ssm:a" } } });
    const run = { task_definition_arn: "fam:1" };
    const parts = { flow: { storage: null } };
    await expect(openEcs(foreign, agent).plan(ecsRun(run, parts, agent))).resolves.toBeDefined();
    const more = ecsAgent({}, { env: { A: { secret: "ssm:a" }, B: { secret: "ssm:b" } } });
    const { issues } = await faultOf(openEcs(foreign, more).plan(ecsRun(run, parts, more)));
    expect(issues.map(({ path }) => path)).toEqual(["env.B.secret"]);
    await foreign.close();
  });

  it("warns of a definition without a container for the flow", async () => {
    const foreign = await fakeEcs({ foreign: { containerDefinitions: [{ name: "main" }] } });
    const plan = await openEcs(foreign).plan(
      ecsRun({ task_definition_arn: "fam:1" }, { flow: { storage: null } }),
    );
    expect(plan.warnings).toEqual([
      expect.stringMatching(/fam:1 has no container named flow .* it has main/),
    ]);
    await foreign.close();
  });

  it("refuses a definition that AWS does not know, in its words", async () => {
    const fault = await faultOf(
      openEcs(fake).plan(ecsRun({ task_definition_arn: "fam:1" }, { flow: { storage: null } })),
    );
    expect(fault.message).toMatch(
      /to describe the task definition "fam:1": ClientException: Unable to describe/,
    );
  });

  it("tries again later if AWS cannot describe a definition now", async () => {
    const oops = { type: "error", code: "ServerException", message: "oops", status: 500 } as const;
    fake.fail("DescribeTaskDefinition", oops, oops, oops);
    const planning = openEcs(fake).plan(
      ecsRun({ task_definition_arn: "fam:1" }, { flow: { storage: null } }),
    );
    await expect(planning).rejects.not.toBeInstanceOf(PermanentError);
  });

  it("describes a family anew after five minutes, and a revision never again", async () => {
    const foreign = await fakeEcs({ foreign: { containerDefinitions: [{ name: "flow" }] } });
    const backend = openEcs(foreign);
    const parts = { flow: { storage: null } };
    for (let round = 0; round < 3; round++) {
      await backend.plan(ecsRun({ task_definition_arn: "fam:1" }, parts));
      await backend.plan(ecsRun({ task_definition_arn: "fam" }, parts));
      foreign.advance(6 * 60_000);
    }
    const asked = foreign.inputs.map(({ input }) => input["taskDefinition"]);
    expect(asked).toEqual(["fam:1", "fam", "fam", "fam"]);
    await foreign.close();
  });

  it("writes output to the agent's log group where the template says nothing", async () => {
    const agent = ecsAgent({ log_group: "/flows" });
    const backend = openEcs(fake, agent);
    const log = async (task_definition: JsonObject) => {
      const plan = await backend.plan(ecsRun({ task_definition }, {}, agent));
      return launchOf(plan).register_task_definition.containerDefinitions[0]?.["logConfiguration"];
    };
    expect(await log({})).toEqual({
      logDriver: "awslogs",
      options: {
        "awslogs-group": "/flows",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "sluice",
      },
    });
    const own = { logDriver: "awsfirelens" };
    const containerDefinitions = [{ name: "flow", logConfiguration: own }];
    expect(await log({ ...SIZE, containerDefinitions })).toEqual(own);
  });

  it("warns of keys AWS does not know, and leaves them out", async () => {
    const plan = await openEcs(fake).plan(
      ecsRun({
        task_definition: { cpu: 256, memory: 512, revision: 3 },
        run_task_kwargs: { launchtype: "EC2" },
      }),
    );
    expect(plan.warnings).toEqual([
      "run_config.task_definition.revision is no part of a task definition: ignored",
      "run_task_kwargs.launchtype is no argument of RunTask: ignored",
    ]);
    expect(JSON.stringify(plan.launch)).not.toMatch(/revision|launchtype/);
  });

  it.each<[what: string, run: JsonObject, paths: readonly string[]]>([
    ["sizes", { cpu: "many", memory: "much" }, ["run_config.cpu", "run_config.memory"]],
    ["sizes of Fargate", { cpu: "1024", memory: "512" }, ["run_config.memory"]],
    ["a cpu of Fargate", { cpu: "4096" }, ["run_config.cpu"]],
    [
      "what is Sluice's",
      { run_task_kwargs: { count: 2, clientToken: "t", startedBy: "s", taskDefinition: "d" } },
      ["count", "clientToken", "startedBy", "taskDefinition"].map(
        (key) => `run_config.run_task_kwargs.${key}`,
      ),
    ],
    [
      "overrides",
      { run_task_kwargs: { overrides: { cpu: "x", memory: [] } } },
      ["run_config.run_task_kwargs.overrides.memory"],
    ],
    [
      "sizes of overrides",
      { run_task_kwargs: { overrides: { cpu: "x" } } },
      ["run_config.run_task_kwargs.overrides.cpu"],
    ],
    [
      "tags of AWS",
      { run_task_kwargs: { tags: [{ key: "aws:mine", value: "<>" }] } },
      ["run_config.run_task_kwargs.tags.0.key", "run_config.run_task_kwargs.tags.0.value"],
    ],
    [
      "containers and variables of a template",
      {
        task_definition: {
          containerDefinitions: [{ name: 1 }, { name: "flow", environment: [{ value: "x" }] }],
        },
      },
      [
        "run_config.task_definition.containerDefinitions.0.name",
        "run_config.task_definition.containerDefinitions.1.environment.0.name",
      ],
    ],
    ["sizes of a template", { task_definition: { cpu: "x" } }, ["run_config.task_definition.cpu"]],
    [
      "sizes Fargate cannot register",
      { task_definition: { cpu: 256, memory: 4096 } },
      ["run_config.task_definition.memory"],
    ],
    ["what is no object", { task_definition: [] }, ["run_config.task_definition"]],
  ])("refuses wrong %s, with every path", async (_what, run, paths) => {
    const fault = await faultOf(openEcs(fake).plan(ecsRun(run)));
    expect(fault.code).toBe("invalid");
    expect(fault.issues.map(({ path }) => path)).toEqual(paths);
    expect(fake.count("RunTask")).toBe(0);
  });

  it("refuses overrides that are too large, naming the largest variable and not its value", async () => {
    const fault = await faultOf(
      openEcs(fake).plan(ecsRequest({ parameters: { text: "z".repeat(9_000) } })),
    );
    expect(fault.code).toBe("too_large");
    expect(fault.message).toMatch(/the largest variables are SLUICE_PARAMETERS \(90\d\d\)/);
    expect(fault.message).not.toContain("zzzz");
  });

  it("knows Fargate by its capacity providers too", async () => {
    const plan = (provider: string) =>
      openEcs(fake).plan(
        ecsRun({
          memory: "512",
          run_task_kwargs: { capacityProviderStrategy: [{ capacityProvider: provider }] },
        }),
      );
    await expect(plan("FARGATE_SPOT")).rejects.toThrow(/Fargate takes with cpu 1024/);
    await expect(plan("mine")).resolves.toBeDefined();
  });

  it("reads the agent's files once in five minutes, and the run's each time", async () => {
    const read: string[] = [];
    const files: Readonly<Record<string, JsonValue>> = {
      "s3://b/def.yaml": { cpu: 512, memory: 1024 },
      "s3://b/kwargs.yaml": { cluster: "other" },
      "s3://b/run.yaml": { cpu: 256, memory: 512 },
      "s3://b/list.yaml": [],
    };
    const readTemplate = async (uri: string) => {
      read.push(uri);
      return files[uri] ?? null;
    };
    const agent = ecsAgent({
      task_definition_path: "s3://b/def.yaml",
      run_task_kwargs_path: "s3://b/kwargs.yaml",
    });
    const backend = openEcs(fake, agent, { readTemplate });
    const plan = await backend.plan(ecsRun({}, {}, agent));
    expect(plan.target).toBe("us-east-1/other");
    expect(launchOf(plan).register_task_definition).toMatchObject({ cpu: "512" });
    const path = { task_definition_path: "s3://b/run.yaml" };
    expect(
      launchOf(await backend.plan(ecsRun(path, {}, agent))).register_task_definition,
    ).toMatchObject({ cpu: "256" });
    await backend.plan(ecsRun(path, {}, agent));
    expect(read).toEqual([
      "s3://b/kwargs.yaml",
      "s3://b/def.yaml",
      "s3://b/run.yaml",
      "s3://b/run.yaml",
    ]);
    const list = await faultOf(
      backend.plan(ecsRun({ task_definition_path: "s3://b/list.yaml" }, {}, agent)),
    );
    expect(list).toMatchObject({
      code: "template",
      message: "s3://b/list.yaml: expected an object, got a list of 0",
    });
  });

  it("refuses arguments of the agent's file that are Sluice's", async () => {
    const agent = ecsAgent({ run_task_kwargs_path: "s3://b/kwargs.yaml" });
    const backend = openEcs(fake, agent, { readTemplate: async () => ({ startedBy: "me" }) });
    const { issues } = await faultOf(backend.plan(ecsRequest({}, agent)));
    expect(issues.map(({ path }) => path)).toEqual(["agent.run_task_kwargs.startedBy"]);
  });

  describe("has as target", () => {
    const targetOf = async (
      options: JsonObject,
      env: Record<string, string> = {},
      run: JsonObject = {},
    ) => {
      const agent = ecsAgent({ launch_type: "EC2", ...options });
      const world = { env: { AWS_ENDPOINT_URL: fake.url, ...env } };
      return (await openEcs(fake, agent, world).plan(ecsRun(run, {}, agent))).target;
    };
    const ARN = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";

    it.each<
      [
        what: string,
        target: string,
        options: JsonObject,
        env: Record<string, string>,
        run?: JsonObject,
      ]
    >([
      [
        "region and cluster",
        "eu-west-1/prod",
        { cluster: "prod", region_name: "eu-west-1" },
        { AWS_REGION: "us-east-1" },
      ],
      ["the region of the process", "us-east-1/default", {}, { AWS_REGION: "us-east-1" }],
      [
        "the default region of the process",
        "us-east-2/default",
        {},
        { AWS_DEFAULT_REGION: "us-east-2" },
      ],
      ["the ARN of the cluster", ARN, { cluster: ARN, region_name: "us-east-1" }, {}],
      [
        "the cluster of the agent's arguments",
        "us-east-1/kw",
        { run_task_kwargs: { cluster: "kw" } },
        { AWS_REGION: "us-east-1" },
      ],
      [
        "the run's cluster",
        "us-east-1/run",
        { cluster: "prod" },
        { AWS_REGION: "us-east-1" },
        { run_task_kwargs: { cluster: "run" } },
      ],
    ])("%s", async (_what, target, options, env, run) => {
      expect(await targetOf(options, env, run)).toBe(target);
    });
  });
});

describe("an ecs agent without region", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("is told where to say one", async () => {
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_CONFIG_FILE", "/nowhere");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
    const backend = ecs.open(ecsAgent(), testWorld());
    const { issues } = await faultOf(backend.plan(ecsRequest()));
    expect(issues).toEqual([
      { path: "agent.region_name", message: "expected a region here or in AWS_REGION, got none" },
    ]);
  });

  it("takes that of the AWS profile", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-"));
    writeFileSync(join(folder, "config"), "[default]\nregion = eu-north-1\n");
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    const agent = ecsAgent({ launch_type: "EC2" });
    const plan = await ecs.open(agent, testWorld()).plan(ecsRequest({}, agent));
    expect(plan.target).toBe("eu-north-1/default");
    rmSync(folder, { recursive: true });
  });
});

describe("options of an ecs agent", () => {
  it.each<[what: string, options: JsonObject]>([
    ["unknown keys", { clutser: "prod" }],
    ["unknown launch types", { launch_type: "LAMBDA" }],
    ["arguments twice", { run_task_kwargs: {}, run_task_kwargs_path: "s3://b/k" }],
    ["arguments that are Sluice's", { run_task_kwargs: { clientToken: "mine" } }],
  ])("refuse %s", (_what, options) => {
    expect(agentOptions.safeParse(options).success).toBe(false);
  });

  it("can be written as a JSON schema", () => {
    const { properties } = z.toJSONSchema(agentOptions, { io: "input" });
    expect(Object.keys(properties ?? {})).toContain("run_task_kwargs");
    for (const [name, property] of Object.entries(properties ?? {})) {
      expect(property, name).toHaveProperty("description");
    }
  });

  it("take what Prefect's take", () => {
    const options = {
      cluster: "prod",
      launch_type: "fargate",
      task_role_arn: "arn:t",
      execution_role_arn: "arn:x",
      task_definition_path: "s3://b/d",
      run_task_kwargs_path: "s3://b/k",
      region_name: "eu-west-1",
    };
    expect(agentOptions.parse(options)).toEqual(options);
  });
});
