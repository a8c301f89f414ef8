import { CreateTableCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { GetQueueUrlCommand, SetQueueAttributesCommand } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Mapping } from "./runtime/mappings.ts";
import { REGION, startTinyAws, type TinyAws, type TinyOptions, type TinyStack } from "./tiny.ts";

let aws: TinyAws;
let events: EventBridgeClient;
let tables: DynamoDBClient;
let stacks = 0;
let open: TinyStack | undefined;

beforeAll(async () => {
  aws = await startTinyAws();
  const client = { endpoint: aws.endpoint, region: REGION };
  events = new EventBridgeClient(client);
  tables = new DynamoDBClient(client);
  await events.send(new CreateEventBusCommand({ Name: "own" }));
}, 60_000);
afterEach(async () => {
  await open?.close();
  open = undefined;
});
afterAll(() => aws.close());

async function stack(options: TinyOptions = {}): Promise<TinyStack> {
  open = await aws.stack(`events-${++stacks}`, options);
  return open;
}

const eventually = <T>(see: () => T) => expect.poll(see, { timeout: 30_000, interval: 50 });

/** A table with these items in its stream, and a stack whose function reads it. */
async function streamed(items: readonly string[], mapping: Partial<Mapping>): Promise<TinyStack> {
  const TableName = `table-${stacks}`;
  const key = { AttributeName: "pk" } as const;
  const { TableDescription } = await tables.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ ...key, KeyType: "HASH" }],
      AttributeDefinitions: [{ ...key, AttributeType: "S" }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
    }),
  );
  for (const pk of items) {
    await tables.send(new PutItemCommand({ TableName, Item: { pk: { S: pk } } }));
  }
  const shared = {
    EventSourceArn: TableDescription?.LatestStreamArn ?? "",
    BatchSize: 100,
    StartingPosition: "TRIM_HORIZON",
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    DestinationConfig: {
      OnFailure: { Destination: `arn:aws:sqs:${REGION}:123456789012:events-${stacks + 1}-dead` },
    },
  };
  return stack({ streams: (FunctionArn) => [{ ...shared, FunctionArn, ...mapping }] });
}

const batches = (one: TinyStack) => one.lines().map(({ bodies }) => bodies);

describe("the mapping of a stream", () => {
  test("hands over batches in order, no larger than it says", async () => {
    const one = await streamed(["a", "b", "c", "d", "e"], { BatchSize: 2 });
    await eventually(() => batches(one)).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  test("hands over what its filter lets through", async () => {
    const Pattern = JSON.stringify({ dynamodb: { Keys: { pk: { S: ["b", { prefix: "c" }] } } } });
    const one = await streamed(["a", "b", "c1"], { FilterCriteria: { Filters: [{ Pattern }] } });
    await eventually(() => batches(one)).toEqual([["b", "c1"]]);
  });

  test("goes on from the first record the function names as failed", async () => {
    const one = await streamed(["a", "fail 1", "c"], {});
    await eventually(() => batches(one)).toEqual([
      ["a", "fail 1", "c"],
      ["fail 1", "c"],
    ]);
  });

  test("hands over halves after the function has thrown, if it was deployed to", async () => {
    const one = await streamed(["a", "b", "c", "throw 2"], { BisectBatchOnFunctionError: true });
    await eventually(() => batches(one)).toEqual([
      ["a", "b", "c", "throw 2"],
      ["a", "b"],
      ["c", "throw 2"],
      ["c"],
      ["throw 2"],
    ]);
  });

  test("tells its destination where that stands which failed too often, and goes on", async () => {
    const more = { BatchSize: 1, MaximumRetryAttempts: 2 };
    const one = await streamed(["throw 9", "b"], more);
    await eventually(() => batches(one)).toEqual([["throw 9"], ["throw 9"], ["throw 9"], ["b"]]);
    const [{ body } = { body: "" }] = await one.dead();
    expect(JSON.parse(body)).toMatchObject({
      requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 3 },
      DDBStreamBatchInfo: { batchSize: 1, streamArn: expect.stringContaining("table-") },
    });
  });
});

const EVENT = { source: "tiny", "detail-type": "Tiny", detail: { a: "one" } };

/** A rule of a bus, with one target and the stack's dead letter queue for it. */
async function rule(one: TinyStack, target: string, bus = "default", detail = {}): Promise<void> {
  const Name = `rule-${stacks}`;
  const EventPattern = JSON.stringify({ source: ["tiny"], detail });
  const where = { EventBusName: bus };
  const { RuleArn } = await events.send(new PutRuleCommand({ Name, EventPattern, ...where }));
  const Targets = [{ Id: "one", Arn: target, DeadLetterConfig: { Arn: one.deadArn } }];
  await events.send(new PutTargetsCommand({ Rule: Name, Targets, ...where }));
  const { QueueUrl } = await aws.sqs.send(
    new GetQueueUrlCommand({ QueueName: one.queueArn.split(":").at(-1) }),
  );
  const Statement = {
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: one.queueArn,
    Condition: { ArnEquals: { "aws:SourceArn": bus === "closed" ? "nobody" : RuleArn } },
  };
  const Attributes = { Policy: JSON.stringify({ Version: "2012-10-17", Statement: [Statement] }) };
  await aws.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
}

describe("a rule", () => {
  test.each(["default", "own"])("of the bus %s sends what fits to its queue", async (bus) => {
    const one = await stack();
    await rule(one, one.queueArn, bus, { a: [{ prefix: "o" }] });
    await one.runtime.emit({ ...EVENT, detail: { a: "two" } }, bus);
    await one.runtime.emit(EVENT, bus);
    const [body = ""] = await one.left();
    expect(JSON.parse(body)).toMatchObject({ ...EVENT, version: "0", account: "123456789012" });
    expect(await one.left()).toEqual([]);
  });

  test("says nothing of events of another bus", async () => {
    const one = await stack();
    await rule(one, one.queueArn, "own");
    await one.runtime.emit(EVENT);
    expect(await one.left()).toEqual([]);
  });

  test.each([
    ["a queue that does not let it", "closed", undefined, "NO_PERMISSIONS"],
    [
      "a queue that is not there",
      "gone",
      `arn:aws:sqs:${REGION}:123456789012:gone`,
      "QueueDoesNot",
    ],
    [
      "a function that is not there",
      "none",
      `arn:aws:lambda:${REGION}:1:function:x`,
      "NO_RESOURCE",
    ],
  ])("gives what %s cannot take to the dead letter queue", async (_, bus, target, code) => {
    await events.send(new CreateEventBusCommand({ Name: bus }));
    const one = await stack();
    await rule(one, target ?? one.queueArn, bus);
    await one.runtime.emit(EVENT, bus);
    const [{ body, attributes } = { body: "", attributes: {} }] = await one.dead();
    expect(JSON.parse(body)).toMatchObject(EVENT);
    expect(attributes).toMatchObject({
      ERROR_CODE: { StringValue: expect.stringContaining(code) },
    });
  });

  test("calls a function again that fails, twice unless told", async () => {
    const one = await stack();
    await rule(one, one.functionArn);
    await one.runtime.emit({ ...EVENT, detail: { throw: true } });
    await eventually(() => one.runtime.failures.length).toBe(3);
    expect(new Set(one.lines().map(({ id }) => id)).size).toBe(1);
  });
});

describe("a schedule", () => {
  test("ticks on after a tick that failed, and repeats none if it was deployed so", async () => {
    const name = `events-${stacks + 1}-function`;
    const tick = { Name: "tick", ScheduleExpression: "rate(1 minute)" };
    await events.send(new PutRuleCommand(tick));
    const Arn = `arn:aws:lambda:${REGION}:123456789012:function:${name}`;
    await events.send(new PutTargetsCommand({ Rule: "tick", Targets: [{ Id: "one", Arn }] }));
    const one = await stack({ retries: 0, environment: { FAILS: "always" } });
    await eventually(() => one.runtime.failures.length).toBeGreaterThan(2);
    const ids = one.lines().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the HTTP API", () => {
  test("is not there unless deployed", async () => {
    const { runtime } = await stack();
    expect((await fetch(runtime.url)).status).toBe(404);
  });

  test("gives requests to its function and answers with what that says", async () => {
    await deployApi(`events-${stacks + 1}-function`);
    const { runtime } = await stack();
    const headers = { cookie: "a=b; c=d", "content-type": "application/json" };
    const asked = { method: "POST", headers, body: '{"x":1}' };
    const response = await fetch(`${runtime.url}/runs/a?l=1&l=2`, asked);
    expect([response.status, response.headers.get("x-a")]).toEqual([201, "b"]);
    expect(response.headers.getSetCookie()).toEqual(["c=d"]);
    expect(await response.json()).toMatchObject({
      version: "2.0",
      rawPath: "/runs/a",
      rawQueryString: "l=1&l=2",
      queryStringParameters: { l: "1,2" },
      cookies: ["a=b", "c=d"],
      body: '{"x":1}',
      isBase64Encoded: false,
      requestContext: { http: { method: "POST", path: "/runs/a" }, stage: "$default" },
    });
    const failed = await fetch(`${runtime.url}/throw`);
    expect([failed.status, await failed.json()]).toEqual([
      500,
      { message: "Internal Server Error" },
    ]);
  });
});

async function deployApi(functionName: string): Promise<void> {
  const post = (path: string, input: object) =>
    aws.aws.post("apigateway", `/v2/apis${path}`, input);
  const { apiId } = await post("", { name: "tiny", protocolType: "HTTP" });
  const { integrationId } = await post(`/${apiId}/integrations`, {
    integrationType: "AWS_PROXY",
    integrationUri: `arn:aws:lambda:${REGION}:123456789012:function:${functionName}`,
    payloadFormatVersion: "2.0",
  });
  await post(`/${apiId}/routes`, { routeKey: "$default", target: `integrations/${integrationId}` });
  await post(`/${apiId}/stages`, { stageName: "$default", autoDeploy: true });
}
