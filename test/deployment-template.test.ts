import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alarmOf, functionOf, inWords, MINUTE, ours, queue, VISIBLE } from "./serverless/alarms.ts";
import { AGENTS, type Deployment, packageService } from "./serverless/template.ts";

/** As it is deployed without a word, and for real. */
let dev: Deployment;
let prod: Deployment;
/** With everything a deployment may be told about what stands in here. */
let told: Deployment;

beforeAll(async () => {
  const params = ["enabled=false", "tracing=PassThrough", "apiRate=7"];
  dev = await packageService(AGENTS);
  prod = await packageService(AGENTS, ["--stage", "prod"]);
  told = await packageService(
    AGENTS,
    params.flatMap((one) => ["--param", one]),
  );
}, 600_000);
afterAll(() => [dev, prod, told].forEach((one) => one.remove()));

/** What each function or rule that works by itself is switched to, by what it reads. */
function switches(deployment: Deployment): Readonly<Record<string, unknown>> {
  const mappings = deployment
    .ofType("AWS::Lambda::EventSourceMapping")
    .map(([, { EventSourceArn, Enabled }]) => [EventSourceArn?.["Fn::GetAtt"]?.[0], Enabled]);
  const rules = deployment
    .ofType("AWS::Events::Rule")
    .map(([, { ScheduleExpression, State }]) => [
      ScheduleExpression ?? "tasks",
      State ?? "ENABLED",
    ]);
  return Object.fromEntries([...mappings, ...rules]) as Readonly<Record<string, unknown>>;
}

describe("a deployment", () => {
  test.each([
    ["dev", () => dev],
    ["prod", () => prod],
  ])("takes messages, events and changes, and ticks: %s", (_, of) => {
    expect(switches(of())).toEqual({
      RunsQueue: true,
      EventsQueue: true,
      RunsDeadQueue: true,
      Table: true,
      "rate(1 minute)": "ENABLED",
      tasks: "ENABLED",
    });
  });

  test("that is not enabled takes nothing by itself, but keeps events for when it is", () => {
    expect(switches(told)).toEqual({
      RunsQueue: false,
      EventsQueue: false,
      RunsDeadQueue: false,
      Table: false,
      "rate(1 minute)": "DISABLED",
      tasks: "ENABLED",
    });
  });

  test("that is not enabled tells nobody that it does not tick, and of all else it does", () => {
    const quiet = told
      .ofType("AWS::CloudWatch::Alarm")
      .filter(([, { ActionsEnabled }]) => String(ActionsEnabled ?? true) !== "true");
    expect(quiet.map(([name, { ActionsEnabled }]) => [name, ActionsEnabled])).toEqual([
      ["PollSilentAlarm", false],
    ]);
  });

  test("publishes changes of heads, from the first on, and tries each for twelve hours", () => {
    const mapping = dev
      .ofType("AWS::Lambda::EventSourceMapping")
      .find(([, { StartingPosition }]) => StartingPosition !== undefined)?.[1];
    expect(mapping).toMatchObject({
      StartingPosition: "TRIM_HORIZON",
      BatchSize: 100,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: -1,
      MaximumRecordAgeInSeconds: 12 * 3_600,
    });
    const [filter] = Object.values(mapping?.["FilterCriteria"]?.["Filters"] ?? {});
    expect(JSON.parse(String(filter?.["Pattern"]))).toEqual({
      eventName: ["INSERT", "MODIFY"],
      dynamodb: { Keys: { sk: { S: ["head"] } } },
    });
  });

  test("repeats no tick, for the next one comes anyway", () => {
    const configs = dev.ofType("AWS::Lambda::EventInvokeConfig").map(([, config]) => config);
    expect(configs).toMatchObject([{ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 }]);
  });

  test("records traces unless it is told not to", () => {
    const modes = (deployment: Deployment) =>
      deployment
        .ofType("AWS::Lambda::Function")
        .map(([, { TracingConfig }]) => TracingConfig?.["Mode"]);
    expect(modes(dev)).toEqual(Array.from({ length: 6 }, () => "Active"));
    expect(modes(prod)).toEqual(modes(dev));
    expect(modes(told)).toEqual(Array.from({ length: 6 }, () => "PassThrough"));
  });

  test("takes so many requests over HTTP and no more, for everybody may send them", () => {
    const limits = (deployment: Deployment) => {
      const { ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst } =
        deployment.get("HttpApiStage")["DefaultRouteSettings"] ?? {};
      return [Number(rate), Number(burst)];
    };
    expect([limits(dev), limits(prod), limits(told)]).toEqual([
      [100, 100],
      [100, 100],
      [7, 7],
    ]);
  });

  test("keeps its table in prod, whatever becomes of the stack, and in other stages does not", () => {
    const table = (deployment: Deployment) => {
      const { DeletionPolicy, UpdateReplacePolicy } = deployment.resources["Table"] ?? {};
      const { DeletionProtectionEnabled: isProtected } = deployment.get("Table");
      return [DeletionPolicy, UpdateReplacePolicy, isProtected];
    };
    expect(table(prod)).toEqual(["Retain", "Retain", true]);
    expect(table(dev)).toEqual(["Delete", "Retain", false]);
  });

  test("has names of its own in each stage", () => {
    const names = (deployment: Deployment) =>
      Object.values(deployment.resources).flatMap(({ Properties }) =>
        ["TableName", "QueueName", "FunctionName", "AlarmName", "TopicName", "Name", "RoleName"]
          .map((key) => Properties?.[key])
          .filter((name) => typeof name === "string")
          .map(String),
      );
    expect(names(dev).length).toBeGreaterThan(25);
    const inProd = new Set(names(prod));
    expect(names(dev).filter((name) => inProd.has(name))).toEqual([]);
  });
});

/** Each alarm: what it watches, when it goes off, for how many periods of how many, and in silence. */
const ALARMS = {
  LastQueueAlarm: [[queue("RunsLastQueue", VISIBLE, ["Maximum", MINUTE])], "> 0", "1/1", "quiet"],
  AbandonedAlarm: [[ours("RunsAbandoned", ["Sum", MINUTE])], "> 0", "1/1", "quiet"],
  OldestMessageAlarm: [
    [queue("RunsQueue", "ApproximateAgeOfOldestMessage", ["Maximum", 5 * MINUTE])],
    `> ${15 * MINUTE}`,
    "1/1",
    "quiet",
  ],
  PollSilentAlarm: [[ours("DueRuns", ["SampleCount", 5 * MINUTE])], "< 1", "1/1", "alarm"],
  FailedPartsAlarm: [[ours("FailedParts", ["Sum", 5 * MINUTE])], "> 0", "3/3", "quiet"],
  LatePublishAlarm: [
    [functionOf("publish", "IteratorAge", ["Maximum", 5 * MINUTE])],
    `> ${10 * MINUTE * 1_000}`,
    "1/1",
    "quiet",
  ],
  ErrorsAlarm: [
    ["dispatch", "poll", "observe", "abandon", "publish", "api"].map((name) =>
      functionOf(name, "Errors", ["Sum", MINUTE]),
    ),
    "> 0",
    "3/5",
    "quiet",
  ],
  LostEventsAlarm: [
    ["EventsDeadQueue", "ChangesDeadQueue"].map((name) =>
      queue(name, VISIBLE, ["Maximum", 5 * MINUTE]),
    ),
    "> 0",
    "1/1",
    "quiet",
  ],
} as const;

describe("alarms", () => {
  test("are as many as the documentation lists", () => {
    const [, list = ""] = /^Alarms: ([^.]*)\./m.exec(readFileSync("docs/deploy.md", "utf8")) ?? [];
    expect(list.split(/\s·\s/)).toHaveLength(Object.keys(ALARMS).length);
  });

  test("are all told to the topic, and no others are there", () => {
    const alarms = dev.ofType("AWS::CloudWatch::Alarm");
    expect(alarms.map(([name]) => name).sort()).toEqual(Object.keys(ALARMS).sort());
    for (const [name, alarm] of alarms) {
      expect([name, alarm["AlarmActions"]]).toEqual([name, [{ Ref: "AlarmsTopic" }]]);
      expect([name, alarm["ActionsEnabled"] ?? true]).toEqual([name, true]);
    }
  });

  test("find our metrics under the name that the functions are told", () => {
    const names = dev
      .ofType("AWS::Lambda::Function")
      .map(([, { Environment }]) => Environment?.["Variables"]?.["POWERTOOLS_SERVICE_NAME"]);
    expect(new Set(names)).toEqual(new Set([ours("DueRuns", ["Sum", MINUTE]).of["service"]]));
  });

  test.each(Object.entries(ALARMS))("%s goes off when it should", (name, expected) => {
    expect(inWords(alarmOf(dev, name))).toEqual(expected);
  });

  test.each(["ErrorsAlarm", "LostEventsAlarm"])(
    "%s adds up all it watches, and what is silent counts as 0",
    (name) => {
      const { Metrics = [] } = alarmOf(dev, name);
      const [sum, ...others] = Metrics.filter(({ ReturnData = true }) => ReturnData);
      expect(others).toEqual([]);
      const parts = Metrics.filter((metric) => metric !== sum).map(({ Id }) => `FILL(${Id}, 0)`);
      expect(sum?.Expression?.split(" + ").sort()).toEqual(parts.sort());
    },
  );
});
