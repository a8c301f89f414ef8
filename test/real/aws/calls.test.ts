import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ScheduledEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { dispatchWith } from "../../../functions/dispatch.ts";
import { observeWith } from "../../../functions/observe.ts";
import { pollWith } from "../../../functions/poll.ts";
import { CALLS, type Calls } from "../../../scripts/costs/usage.ts";
import type { App } from "../../../src/app.ts";
import { openAws } from "../../../src/aws/app.ts";
import { type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { invocation, sqsEvent } from "../../functions/support.ts";
import { createTable, type TestTable } from "./table.ts";

const FLOW = {
  name: "load",
  command: "python load.py",
  run_config: { type: "ECSRun", image: "registry.example.com/load:1" },
};
const CONFIG = {
  agents: { prod: { backend: "ecs", execution_role_arn: "arn:aws:iam::123456789012:role/flows" } },
};

let folder: string;
let table: TestTable;
let dynamodb: AwsProxy;
let ecs: FakeEcs;
let app: App;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-calls-"));
  writeFileSync(join(folder, "sluice.json"), JSON.stringify(CONFIG));
  table = await createTable(inject("dynamodb"));
  dynamodb = await awsProxy(inject("dynamodb"));
  ecs = await fakeEcs({ region: "eu-west-1" });
  const env = {
    ...ecs.env,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    SLUICE_TABLE: table.name,
    SLUICE_QUEUE: "sluice-test-runs",
    SLUICE_CONFIG: join(folder, "sluice.json"),
    SLUICE_LAUNCH_LEASE_SECONDS: "70",
    SLUICE_KEEP_DAYS: "90",
  };
  // The SDK reads what a function has in its environment.
  Object.assign(process.env, env);
  app = await openAws(env);
  // What a process asks once, it asks here.
  await dispatched("first");
  await told({ lastStatus: "STOPPED", containers: [{ name: "flow", exitCode: 0 }] });
});
afterAll(async () => {
  await Promise.all([dynamodb.close(), ecs.close()]);
  await table.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** What a piece of work has called, by service and operation. */
async function counted(work: () => Promise<unknown>): Promise<Calls> {
  const [before, tasks] = [dynamodb.calls.length, ecs.calls.length];
  await work();
  const operations = [
    ...dynamodb.calls.slice(before).map(({ operation }) => `dynamodb ${operation}`),
    ...ecs.calls.slice(tasks).map((operation) => `ecs ${operation}`),
  ];
  const counts: Record<string, number> = {};
  for (const operation of operations) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

async function dispatched(id: string, flow: unknown = FLOW): Promise<void> {
  const event = sqsEvent({ [id]: { run_id: id, flow } });
  const answer = await dispatchWith(async () => app)(event, invocation());
  expect(answer).toEqual({ batchItemFailures: [] });
}

/** Lets ECS tell of the newest task. */
async function told(detail: object): Promise<void> {
  const event = {
    source: "aws.ecs",
    "detail-type": "ECS Task State Change",
    detail: { ...ecs.tasks.at(-1)?.view, ...detail },
  };
  const answer = await observeWith(async () => app)(sqsEvent({ event }), invocation());
  expect(answer).toEqual({ batchItemFailures: [] });
}

async function ticked(): Promise<void> {
  await pollWith(async () => app)({} as ScheduledEvent, invocation(55_000));
}

describe("one run on AWS calls", () => {
  test("exactly what the table in ARCHITECTURE.md says", async () => {
    const exited = { lastStatus: "STOPPED", containers: [{ name: "flow", exitCode: 0 }] };

    const calls = {
      "`dispatch`": await counted(() => dispatched("second")),
      "`dispatch`, the same message again": await counted(() => dispatched("second")),
      "`observe`, its task runs": await counted(() => told({ lastStatus: "RUNNING" })),
      "`poll`, up to 100 tasks to look at": await counted(() => ticked()),
      "`observe`, its task has stopped": await counted(() => told(exited)),
      "`poll`, nothing due": await counted(() => ticked()),
      "`dispatch`, the first run of a new definition": await counted(() =>
        dispatched("third", { ...FLOW, name: "other" }),
      ),
    };

    expect(calls).toEqual(CALLS);
  });
});
