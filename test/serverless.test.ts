import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RegoEngine, TemplateFile } from "@aws/cloudformation-validate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { markStart } from "../src/backends/ecs/names.ts";
import { TABLE } from "../src/stores/dynamodb/schema.ts";
import {
  AGENTS,
  attribute,
  type Deployment,
  FUNCTIONS,
  GOOGLE_CREDENTIALS,
  type Properties,
  packageService,
} from "./serverless/template.ts";

let deployment: Deployment;

beforeAll(async () => {
  deployment = await packageService(AGENTS);
}, 300_000);
afterAll(() => deployment.remove());

const at = (name: string) => deployment.get(`${name}LambdaFunction`);
const variables = (name: string) => at(name)["Environment"]?.["Variables"] ?? {};

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

  test("change after the rights that the agents ask for, so that new code has them", () => {
    const policies = deployment.ofType("AWS::IAM::RolePolicy");
    expect(policies.map(([, { RoleName }]) => String(RoleName?.["Ref"]))).toEqual([
      "DispatchRole",
      "PollRole",
      "ApiRole",
    ]);
    for (const [policy, { RoleName }] of policies) {
      const role = String(RoleName?.["Ref"]);
      const { DependsOn = [] } =
        deployment.resources[role.replace(/Role$/, "LambdaFunction")] ?? {};
      expect([DependsOn].flat(), role).toContain(policy);
    }
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
