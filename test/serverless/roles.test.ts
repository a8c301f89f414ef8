import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLike, leadingKeysOf } from "./policies.ts";
import {
  AGENTS,
  attribute,
  type Deployment,
  FUNCTIONS,
  packageService,
  statementsOf,
} from "./template.ts";

let deployment: Deployment;

beforeAll(async () => {
  deployment = await packageService(AGENTS);
}, 300_000);
afterAll(() => deployment.remove());

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
