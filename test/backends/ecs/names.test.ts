import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { faultOf, kindOf } from "../../../src/backends/ecs/errors.ts";
import { jobOf, logOf } from "../../../src/backends/ecs/job.ts";
import {
  clientToken,
  clusterOf,
  flowIn,
  launchOfMark,
  markStart,
  startedBy,
  targetOf,
} from "../../../src/backends/ecs/names.ts";

const runId = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/);
const launch = fc.integer({ min: 1, max: 1_000_000 });
const key = fc.record({ runId, launch, target: fc.constantFrom("us-east-1/a", "us-east-1/b") });

/** As tables are called, the longest and strangest among them; short ones meet more often. */
const installation = fc.option(
  fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.-]{3,255}$/), fc.stringMatching(/^[a1-]{3,4}$/)),
  { nil: undefined },
);

describe("marks and tokens of ecs", () => {
  it("differ for different launches and are what RunTask takes", () => {
    fc.assert(
      fc.property(key, key, installation, installation, (one, other, mine, its) => {
        const same = JSON.stringify(one) === JSON.stringify(other) && mine === its;
        expect(clientToken(one, mine) === clientToken(other, its)).toBe(same);
        expect(clientToken(one, mine)).toMatch(/^[\x21-\x7e]{1,64}$/);
        expect(startedBy(one, mine)).toMatch(/^[A-Za-z0-9_/-]{1,128}$/);
      }),
    );
  });

  it("say which launch they are of", () => {
    fc.assert(
      fc.property(key, installation, ({ runId, launch }, mine) => {
        const mark = startedBy({ runId, launch }, mine);
        expect(mark.startsWith(markStart(mine))).toBe(true);
        expect(launchOfMark(mark, mine)).toEqual({ runId, launch });
      }),
    );
  });

  it("say nothing to another installation, which starts its own otherwise", () => {
    fc.assert(
      fc.property(key, installation, installation, (one, mine, other) => {
        fc.pre(mine !== other);
        expect(launchOfMark(startedBy(one, mine), other)).toBeUndefined();
        if (other !== undefined) {
          expect(startedBy(one, mine).startsWith(markStart(other))).toBe(false);
        }
      }),
    );
  });

  it("name the installation where RunTask takes its name, and its hash where not", () => {
    const launch = { runId: "r", launch: 1 };
    expect(startedBy(launch, undefined)).toBe("sluice/r/1");
    expect(startedBy(launch, "sluice-Dev_2")).toBe("sluice/sluice-Dev_2/r/1");
    expect(startedBy(launch, "a.b")).toMatch(/^sluice\/[0-9a-f]{40}\/r\/1$/);
    const longest = { runId: "r".repeat(40), launch: Number.MAX_SAFE_INTEGER };
    expect(startedBy(longest, "x".repeat(63))).toHaveLength(128);
    expect(startedBy(longest, "x".repeat(64))).toHaveLength(105);
  });

  it.each([
    undefined,
    "",
    "ecs-svc/12",
    "sluice/run",
    "sluice/run/0",
    "sluice/run/1/2",
    "sluice/RUN/1",
    "my-sluice/run/1",
  ])("are not those of Sluice in %j", (mark) =>
    expect(launchOfMark(mark, undefined)).toBeUndefined(),
  );

  it("have a target that leads back to the cluster", () => {
    const arn = "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/prod";
    expect(targetOf({ region: "ignored", cluster: arn })).toBe(arn);
    expect(clusterOf(arn)).toEqual({ region: "cn-north-1", cluster: arn });
    expect(clusterOf(targetOf({ region: "eu-west-1", cluster: "prod" }))).toEqual({
      region: "eu-west-1",
      cluster: "prod",
    });
  });
});

describe("pages of the console", () => {
  it.each([
    ["aws", "https://eu-west-1.console.aws.amazon.com/"],
    ["aws-cn", "https://eu-west-1.console.amazonaws.cn/"],
    ["aws-us-gov", "https://eu-west-1.console.amazonaws-us-gov.com/"],
  ])("of the partition %s are in its own console", (partition, start) => {
    const task = `arn:${partition}:ecs:eu-west-1:123456789012:task/prod/abc`;
    const ref = {
      region: "eu-west-1",
      cluster: "prod",
      task,
      container: "flow",
      startedBy: "sluice/r/1",
    };
    expect(jobOf(ref).url).toBe(`${start}ecs/v2/clusters/prod/tasks/abc?region=eu-west-1`);
  });
});

describe("the log of a definition", () => {
  const options = { "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p" };
  const container = (name: string, logConfiguration: object) => ({
    containerDefinitions: [{ name, logConfiguration }],
  });

  it("is that of the flow's container", () => {
    const definition = container("flow", { logDriver: "awslogs", options });
    expect(logOf(definition, "arn/x/id")).toEqual({ group: "g", region: "r", stream: "p/flow/id" });
  });

  it.each([
    ["another container", container("side", { logDriver: "awslogs", options })],
    ["another driver", container("flow", { logDriver: "splunk", options })],
    [
      "no stream prefix",
      container("flow", {
        logDriver: "awslogs",
        options: { ...options, "awslogs-stream-prefix": "" },
      }),
    ],
    ["nothing", {}],
  ])("is unknown with %s", (_what, definition) => {
    expect(logOf(definition, "arn/x/id")).toBeUndefined();
  });
});

describe("the container that runs the flow", () => {
  it("is the first of its name in a list", () => {
    const list = [{ name: "sidecar" }, { name: "flow", at: 1 }, { name: "flow", at: 2 }];
    expect(flowIn(list)).toBe(list[1]);
    expect(flowIn([{ name: null }, {}])).toBeUndefined();
    expect(flowIn(null)).toBeUndefined();
  });
});

describe("errors of aws", () => {
  const error = (name: string, message = "", status?: number) =>
    Object.assign(new Error(message), {
      name,
      $metadata: status === undefined ? {} : { httpStatusCode: status },
    });

  it.each([
    [error("SluiceNotConnected"), "unreachable"],
    [error("SluiceOpen", "AccessDeniedException"), "ambiguous"],
    [error("CredentialsProviderError"), "credentials"],
    [error("UnrecognizedClientException", "", 400), "credentials"],
    [error("TimeoutError"), "ambiguous"],
    [error("AbortError"), "ambiguous"],
    [error("ServerException", "Rate exceeded", 500), "ambiguous"],
    [error("SyntaxError", "", 200), "ambiguous"],
    [error("RequestLimitExceeded", "", 503), "throttled"],
    [error("Whatever", "", 429), "throttled"],
    [
      error("InvalidParameterException", "Identifier is for 111. Your accountId is 222", 400),
      "inactive",
    ],
    [error("InvalidParameterException", "TaskDefinition not found", 400), "permanent"],
    [error("ClientException", "TaskDefinition not found.", 400), "inactive"],
    [error("ClientException", "capacity error: quota of tasks in PROVISIONING", 400), "capacity"],
    [error("InvalidParameterException", "unknown capacity provider", 400), "permanent"],
    [error("ConflictException", "", 400), "conflict"],
    [error("ClientException", "ECS was unable to assume the role 'arn:x'", 400), "role"],
    [undefined, "ambiguous"],
    ["a text", "ambiguous"],
  ])("%s is %s", (thrown, kind) => {
    expect(kindOf(faultOf(thrown))).toBe(kind);
  });
});
