import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RegoEngine, TemplateFile } from "@aws/cloudformation-validate";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFunctions } from "../scripts/build.ts";
import { markStart } from "../src/backends/ecs/names.ts";
import { TABLE } from "../src/stores/dynamodb/schema.ts";
import { isLike, leadingKeysOf } from "./serverless/policies.ts";
import {
  AGENTS,
  type Deployment,
  GOOGLE_CREDENTIALS,
  type Properties,
  packageService,
  statementsOf,
} from "./serverless/template.ts";

let deployment: Deployment;

beforeAll(async () => {
  deployment = await packageService(AGENTS);
}, 300_000);
afterAll(() => deployment.remove());

const FUNCTIONS = ["Dispatch", "Poll", "Observe", "Abandon", "Publish", "Api"];
const at = (name: string) => deployment.get(`${name}LambdaFunction`);
const variables = (name: string) => at(name)["Environment"]?.["Variables"] ?? {};
const attribute = (name: string, key: string) => ({ "Fn::GetAtt": [name, key] });

/** The mapping of a queue or stream to its function. */
function mappingOf(source: string): Properties {
  const found = deployment
    .ofType("AWS::Lambda::EventSourceMapping")
    .find(([, { EventSourceArn }]) => String(EventSourceArn?.["Fn::GetAtt"]?.[0]) === source);
  if (found === undefined) throw new Error(`nothing reads ${source}`);
  return found[1];
}

describe("functions", () => {
  test("are the six of the AWS shape, on Node 24 and arm64, each with a role of its own", () => {
    const found = deployment.ofType("AWS::Lambda::Function");
    expect(found.map(([name]) => name.replace("LambdaFunction", "")).sort()).toEqual(
      [...FUNCTIONS].sort(),
    );
    for (const name of FUNCTIONS) {
      expect(at(name)["Runtime"]).toBe("nodejs24.x");
      expect(at(name)["Architectures"]).toEqual(["arm64"]);
      expect(at(name)["Role"]).toEqual(attribute(`${name}Role`, "Arn"));
    }
    expect(deployment.ofType("AWS::IAM::Role")).toHaveLength(FUNCTIONS.length);
  });

  test("have literal variables, so that they can be invoked without a stack", () => {
    for (const name of FUNCTIONS) {
      for (const [variable, value] of Object.entries(variables(name))) {
        expect(typeof value, `${name} ${variable}`).toBe("string");
      }
    }
    expect(variables("Dispatch")["SLUICE_TABLE"]).toBe(deployment.get("Table")["TableName"]);
    expect(variables("Dispatch")["SLUICE_QUEUE"]).toBe(deployment.get("RunsQueue")["QueueName"]);
    expect(variables("Publish")["SLUICE_BUS"]).toBe(deployment.get("Bus")["Name"]);
  });

  test("find Google's credentials in their package", () => {
    for (const name of FUNCTIONS) {
      const file = String(variables(name)["GOOGLE_APPLICATION_CREDENTIALS"]);
      // Packaged with all of dist/config, beside the agents.
      expect(dirname(file)).toBe(dirname(String(variables(name)["SLUICE_CONFIG"])));
      expect(readFileSync(join(deployment.folder, file), "utf8")).toBe(GOOGLE_CREDENTIALS);
    }
  });

  test("know how many launch side by side, where they launch", () => {
    const { ScalingConfig } = mappingOf("RunsQueue");
    const processes = String(ScalingConfig?.["MaximumConcurrency"]);
    expect(variables("Dispatch")["SLUICE_DISPATCH_CONCURRENCY"]).toBe(processes);
    for (const name of FUNCTIONS.filter((name) => name !== "Dispatch")) {
      expect(variables(name)["SLUICE_DISPATCH_CONCURRENCY"]).toBeUndefined();
    }
  });

  test("end before a launch may be taken over, and launches before their message comes back", () => {
    const timeout = Number(at("Dispatch")["Timeout"]);
    const lease = Number(variables("Dispatch")["SLUICE_LAUNCH_LEASE_SECONDS"]);
    const visibility = Number(deployment.get("RunsQueue")["VisibilityTimeout"]);
    expect(timeout).toBeLessThan(lease);
    expect(lease).toBeLessThan(visibility);
    for (const name of FUNCTIONS) {
      expect(variables(name)["SLUICE_LAUNCH_LEASE_SECONDS"]).toBe(String(lease));
    }
  });

  test("keep ended runs longer than any queue keeps their messages", () => {
    const days = Number(variables("Dispatch")["SLUICE_KEEP_DAYS"]);
    const longest = deployment
      .ofType("AWS::SQS::Queue")
      .map(([, { MessageRetentionPeriod }]) => Number(MessageRetentionPeriod));
    expect(days * 86_400).toBeGreaterThan(Math.max(...longest));
  });

  test("answer HTTP before API Gateway gives up", () => {
    expect(Number(at("Api")["Timeout"])).toBeLessThan(30);
  });

  test("tick every minute, and a tick ends before the next", () => {
    const [[, rule] = [], ...others] = deployment
      .ofType("AWS::Events::Rule")
      .filter(([, { ScheduleExpression }]) => ScheduleExpression !== undefined);
    expect(others).toEqual([]);
    expect(rule?.["ScheduleExpression"]).toBe("rate(1 minute)");
    expect(rule?.["Targets"]?.[0]?.["Arn"]).toEqual(attribute("PollLambdaFunction", "Arn"));
    expect(Number(at("Poll")["Timeout"])).toBeLessThan(60);
  });
});

describe("queues", () => {
  test.each([
    ["RunsQueue", "RunsDeadQueue", 5],
    // With the five deliveries before, whether or not they are still counted.
    ["RunsDeadQueue", "RunsLastQueue", 10],
    ["EventsQueue", "EventsDeadQueue", 5],
  ])("%s gives to %s, which keeps it longer, what was received %i times", (name, dead, times) => {
    const queue = deployment.get(name);
    expect(queue["RedrivePolicy"]).toEqual({
      deadLetterTargetArn: attribute(dead, "Arn"),
      maxReceiveCount: times,
    });
    const kept = Number(deployment.get(dead)["MessageRetentionPeriod"]);
    expect(kept).toBeGreaterThanOrEqual(Number(queue["MessageRetentionPeriod"]));
  });

  test("are encrypted", () => {
    for (const [, { SqsManagedSseEnabled }] of deployment.ofType("AWS::SQS::Queue")) {
      expect(SqsManagedSseEnabled).toBe(true);
    }
  });

  test.each([
    ["RunsQueue", "Dispatch"],
    ["RunsDeadQueue", "Abandon"],
    ["EventsQueue", "Observe"],
  ])("%s is read by %s, with partial answers and bounded concurrency", (queue, name) => {
    const mapping = mappingOf(queue);
    expect(mapping["FunctionName"]).toEqual(attribute(`${name}LambdaFunction`, "Arn"));
    expect(mapping["FunctionResponseTypes"]).toEqual(["ReportBatchItemFailures"]);
    expect(Number(mapping["ScalingConfig"]?.["MaximumConcurrency"])).toBeGreaterThanOrEqual(2);
    const window = Number(mapping["MaximumBatchingWindowInSeconds"]);
    if (Number(mapping["BatchSize"]) > 10) expect(window).toBeGreaterThanOrEqual(1);
    // AWS asks for six times the function's timeout, and the window.
    const visibility = Number(deployment.get(queue)["VisibilityTimeout"]);
    expect(visibility).toBeGreaterThanOrEqual(6 * Number(at(name)["Timeout"]) + window);
  });

  test("take events of ECS from the rule alone, and what it cannot deliver too", () => {
    for (const queue of ["EventsQueue", "EventsDeadQueue"]) {
      const policies = deployment
        .ofType("AWS::SQS::QueuePolicy")
        .filter(([, { Queues }]) => String(Queues?.[0]?.["Ref"]) === queue);
      expect(policies).toHaveLength(1);
      expect(policies[0]?.[1]["PolicyDocument"]?.["Statement"]).toEqual([
        {
          Sid: "Rule",
          Effect: "Allow",
          Principal: { Service: "events.amazonaws.com" },
          Action: ["sqs:SendMessage"],
          Resource: attribute(queue, "Arn"),
          Condition: { ArnEquals: { "aws:SourceArn": attribute("TaskRule", "Arn") } },
        },
      ]);
    }
    const target = deployment.get("TaskRule")["Targets"]?.[0];
    expect(target?.["Arn"]).toEqual(attribute("EventsQueue", "Arn"));
    expect(target?.["DeadLetterConfig"]?.["Arn"]).toEqual(attribute("EventsDeadQueue", "Arn"));
  });

  test("get events of the tasks of this deployment, of the clusters of the agents", () => {
    expect(deployment.get("TaskRule")["EventPattern"]).toEqual({
      source: ["aws.ecs"],
      "detail-type": ["ECS Task State Change"],
      detail: {
        // From other regions and accounts come only those that another rule there forwards.
        clusterArn: [
          { "Fn::Sub": "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:cluster/flows" },
          "arn:aws:ecs:us-west-2:210987654321:cluster/west",
          {
            "Fn::Sub": "arn:${AWS::Partition}:ecs:eu-north-1:${AWS::AccountId}:cluster/icy",
          },
        ],
        lastStatus: ["RUNNING", "STOPPED"],
        startedBy: [{ prefix: "sluice/sluice-dev/" }],
      },
    });
    expect(markStart(String(variables("Observe")["SLUICE_TABLE"]))).toBe("sluice/sluice-dev/");
  });
});

describe("the table", () => {
  test("is the one the store was written for", () => {
    expect(deployment.get("Table")).toMatchObject(TABLE);
  });

  test("is encrypted, and its changes are published with partial answers", () => {
    expect(deployment.get("Table")["SSESpecification"]).toEqual({ SSEEnabled: true });
    expect(mappingOf("Table")).toMatchObject({
      FunctionName: attribute("PublishLambdaFunction", "Arn"),
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      DestinationConfig: { OnFailure: { Destination: attribute("ChangesDeadQueue", "Arn") } },
    });
  });
});

const TABLE_ARN = attribute("Table", "Arn");

/** Actions for which AWS knows no resource, so that only `*` can be given. */
const WITHOUT_RESOURCE: Readonly<Record<string, string>> = {
  "xray:PutTraceSegments": "traces have no resources",
  "xray:PutTelemetryRecords": "traces have no resources",
  "dynamodb:ListStreams": "lists the streams of the account",
  "ecs:DescribeTaskDefinition": "describes by name, no resource is checked",
  "ecs:RegisterTaskDefinition": "makes a revision, whose ARN is not known before",
  "ecs:ListTasks": "by the mark of a launch; limited to the clusters by a condition",
  "ec2:DescribeVpcs": "EC2's descriptions have no resources",
  "ec2:DescribeSubnets": "EC2's descriptions have no resources",
};

describe("roles", () => {
  test("allow no action by pattern", () => {
    const patterns = statementsOf(deployment).flatMap(({ actions }) =>
      actions.filter((action) => action.includes("*")),
    );
    expect(patterns).toEqual([]);
  });

  test("allow an action on everything only where AWS knows no resource for it", () => {
    const open = statementsOf(deployment)
      .filter(({ resources }) => resources.includes("*"))
      .flatMap(({ actions }) => actions);
    expect(open.filter((action) => !(action in WITHOUT_RESOURCE))).toEqual([]);
    expect(Object.keys(WITHOUT_RESOURCE).filter((action) => !open.includes(action))).toEqual([]);
  });

  test("write each into the log of their own function", () => {
    for (const name of FUNCTIONS) {
      const logs = statementsOf(deployment).filter(
        ({ role, actions }) => role === `${name}Role` && actions.includes("logs:PutLogEvents"),
      );
      const group = `log-group:/aws/lambda/sluice-dev-${name.toLowerCase()}:*`;
      expect(logs.map(({ resources }) => JSON.stringify(resources))).toEqual([
        expect.stringContaining(group) as string,
      ]);
    }
  });

  const HERE = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}";
  const WEST = "arn:aws:ecs:us-west-2:210987654321";
  const NORTH = "arn:${AWS::Partition}:ecs:eu-north-1:${AWS::AccountId}";
  const CLUSTERS = [
    { "Fn::Sub": `${HERE}:cluster/flows` },
    `${WEST}:cluster/west`,
    { "Fn::Sub": `${NORTH}:cluster/icy` },
  ];

  test("reach those partitions of the table that they name; where tokens are, api alone, to read", () => {
    const reached = statementsOf(deployment)
      .filter(({ resources }) => JSON.stringify(resources) === JSON.stringify([TABLE_ARN]))
      .flatMap(({ role, actions, condition }) =>
        leadingKeysOf(condition).map((pattern) => ({ role, pattern, actions })),
      );
    expect(new Set(reached.map(({ role }) => role)).size).toBe(FUNCTIONS.length);
    const tokens = ["tokens", "hash#of-a-token"];
    expect(reached.filter(({ pattern }) => tokens.some((key) => isLike(key, pattern)))).toEqual([
      { role: "ApiRole", pattern: "tokens", actions: ["dynamodb:GetItem"] },
      { role: "ApiRole", pattern: "hash#*", actions: ["dynamodb:GetItem"] },
    ]);
  });

  test("start tasks of our families and of those agents list, where the agents' clusters are", () => {
    const run = statementsOf(deployment).filter(({ actions }) => actions.includes("ecs:RunTask"));
    expect(run).toEqual([
      {
        role: "DispatchRole",
        sid: "Run",
        actions: ["ecs:RunTask"],
        resources: [
          { "Fn::Sub": `${HERE}:task-definition/sluice-*:*` },
          `${WEST}:task-definition/sluice-*:*`,
          { "Fn::Sub": `${NORTH}:task-definition/sluice-*:*` },
          `${WEST}:task-definition/etl:*`,
          `${WEST}:task-definition/load:3`,
        ],
        condition: { ArnEquals: { "ecs:cluster": CLUSTERS } },
      },
    ]);
  });

  test("tag and stop tasks where the agents' clusters are", () => {
    const tasks = [
      { "Fn::Sub": `${HERE}:task/flows/*` },
      `${WEST}:task/west/*`,
      { "Fn::Sub": `${NORTH}:task/icy/*` },
    ];
    const of = (action: string) =>
      statementsOf(deployment).filter(({ actions }) => actions.includes(action));
    expect(of("ecs:TagResource")).toEqual([
      expect.objectContaining({
        role: "DispatchRole",
        resources: [
          { "Fn::Sub": `${HERE}:task-definition/sluice-*:*` },
          `${WEST}:task-definition/sluice-*:*`,
          { "Fn::Sub": `${NORTH}:task-definition/sluice-*:*` },
          ...tasks,
        ],
      }),
    ]);
    expect(of("ecs:StopTask").map(({ role }) => role)).toEqual([
      "DispatchRole",
      "PollRole",
      "ApiRole",
    ]);
    for (const { resources, condition } of of("ecs:StopTask")) {
      expect(resources).toEqual(tasks);
      expect(condition).toEqual({ ArnEquals: { "ecs:cluster": CLUSTERS } });
    }
  });

  test("read the output of tasks in the log groups of the agents, where these are", () => {
    const read = statementsOf(deployment).filter(({ actions }) =>
      actions.includes("logs:GetLogEvents"),
    );
    expect(read).toEqual([
      expect.objectContaining({
        role: "ApiRole",
        resources: [
          {
            "Fn::Sub":
              "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/sluice/runs:log-stream:*",
          },
          "arn:aws:logs:us-west-2:210987654321:log-group:/west/runs:log-stream:*",
          "arn:aws:logs:us-west-2:210987654321:log-group:/west/sidecars:log-stream:*",
        ],
      }),
    ]);
  });

  test("pass on the roles of the agents alone, and to tasks alone", () => {
    const pass = statementsOf(deployment).filter(({ actions }) => actions.includes("iam:PassRole"));
    expect(pass).toMatchObject([
      {
        role: "DispatchRole",
        resources: ["arn:aws:iam::123456789012:role/flow", "arn:aws:iam::123456789012:role/pull"],
        condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
      },
    ]);
  });

  test("read the objects that the agents' templates name, and no others", () => {
    const read = statementsOf(deployment).filter(({ actions }) => actions.includes("s3:GetObject"));
    expect(read.map(({ role }) => role)).toEqual(["DispatchRole", "ApiRole"]);
    for (const { resources } of read) {
      expect(resources).toEqual([
        { "Fn::Sub": "arn:${AWS::Partition}:s3:::bucket/tasks/*" },
        { "Fn::Sub": "arn:${AWS::Partition}:s3:::other/a" },
        { "Fn::Sub": "arn:${AWS::Partition}:s3:::other/a/*" },
        { "Fn::Sub": "arn:${AWS::Partition}:s3:::definitions/prod.yml" },
      ]);
    }
  });

  test("read the secrets that the functions themselves need, each by its name", () => {
    const of = (action: string) =>
      statementsOf(deployment)
        .filter(({ actions }) => actions.includes(action))
        .map(({ role, resources }) => [role, ...resources]);
    const regional = (rest: string) => ({
      "Fn::Sub": `arn:\${AWS::Partition}:${rest}`,
    });
    const kubeconfig = regional("ssm:${AWS::Region}:${AWS::AccountId}:parameter/sluice/kubeconfig");
    // ECS itself reads the secrets of its tasks.
    expect(of("ssm:GetParameter")).toEqual([
      ["DispatchRole", kubeconfig],
      ["PollRole", kubeconfig],
      ["ApiRole", kubeconfig],
    ]);
    // Variables of jobs are read where jobs are launched.
    expect(of("secretsmanager:GetSecretValue")).toEqual([
      [
        "DispatchRole",
        regional("secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:flows/key-??????"),
      ],
    ]);
  });
});

test("CloudFormation takes the template", () => {
  const engine = new RegoEngine();
  try {
    const { diagnostics } = engine.validateStandard(new TemplateFile(deployment.file));
    const faults = diagnostics.filter(
      // A runtime nobody knows is only a warning there.
      ({ severity, ruleId }) => ["FATAL", "ERROR"].includes(severity) || ruleId === "W3030",
    );
    expect(faults.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  } finally {
    engine.free();
  }
}, 60_000);

describe("bundles", () => {
  let metafile: Metafile;
  const folder = "dist/functions";

  beforeAll(async () => {
    ({ metafile } = await buildFunctions(join("examples", "aws.yml")));
  }, 120_000);

  /** The files a function loads before its first event. */
  function loadedAtStart(file: string, seen = new Set<string>()): Set<string> {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const { path, kind } of metafile.outputs[file]?.imports ?? []) {
      if (kind === "import-statement" && path in metafile.outputs) loadedAtStart(path, seen);
    }
    return seen;
  }

  const inputsOf = (name: string) =>
    [...loadedAtStart(`${folder}/${name}.js`)].flatMap((file) =>
      Object.keys(metafile.outputs[file]?.inputs ?? {}),
    );

  test.each(FUNCTIONS.map((name) => name.toLowerCase()))(
    "of %s hold at most 700 KB that are loaded at the start",
    (name) => {
      const bytes = [...loadedAtStart(`${folder}/${name}.js`)].reduce(
        (sum, file) => sum + (metafile.outputs[file]?.bytes ?? 0),
        0,
      );
      expect(bytes).toBeGreaterThan(100_000);
      expect(bytes).toBeLessThanOrEqual(700 * 1024);
    },
  );

  test.each([
    ["dispatch", []],
    ["poll", []],
    ["observe", []],
    ["abandon", []],
    ["api", []],
    ["publish", ["client-eventbridge"]],
  ])("of %s load no other client of AWS at the start than %j", (name, clients) => {
    const found = inputsOf(name).flatMap((input) => {
      const [, client] = /@aws-sdk\/(client-[a-z0-9-]+)\//.exec(input) ?? [];
      return client === undefined ? [] : [client];
    });
    expect([...new Set(found)]).toEqual(clients);
  });

  test("never hold the library for Docker, and load Google's and Kubernetes' only when used", () => {
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((input) => input.includes("node_modules/dockerode/"))).toEqual([]);
    for (const name of FUNCTIONS.map((name) => name.toLowerCase())) {
      const early = inputsOf(name).filter((input) => /@google-cloud|@kubernetes|gax/.test(input));
      expect(early).toEqual([]);
    }
  });

  test("start", async () => {
    for (const name of FUNCTIONS.map((name) => name.toLowerCase())) {
      const module = (await import(join(process.cwd(), folder, `${name}.js`))) as {
        readonly handler?: unknown;
      };
      expect(typeof module.handler).toBe("function");
    }
  });
});
