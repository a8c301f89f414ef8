import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ScheduledEvent } from "aws-lambda";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { abandonWith } from "../../../functions/abandon.ts";
import { apiWith } from "../../../functions/api.ts";
import { dispatchWith } from "../../../functions/dispatch.ts";
import { observeWith } from "../../../functions/observe.ts";
import { pollWith } from "../../../functions/poll.ts";
import { publishWith } from "../../../functions/publish.ts";
import { CALLS, type Calls } from "../../../scripts/costs/usage.ts";
import type { App } from "../../../src/app.ts";
import { openAws } from "../../../src/aws/app.ts";
import { openPublisher } from "../../../src/aws/publisher.ts";
import { hashOf } from "../../../src/http/tokens.ts";
import type { JsonObject } from "../../../src/json.ts";
import { silentLogger } from "../../../src/log.ts";
import type { RunState } from "../../../src/run.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { MINUTE } from "../../../src/time.ts";
import { type AnswerServer, type Asked, answerServer } from "../../fakes/answers.ts";
import { type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { headImage, streamEvent } from "../../functions/heads.ts";
import { apiRequest, invocation, sqsEvent } from "../../functions/support.ts";
import { createTable, type TestTable } from "./table.ts";

const FLOW = {
  name: "load",
  command: "python load.py",
  run_config: { type: "ECSRun", image: "registry.example.com/load:1" },
};
const EXITED = { lastStatus: "STOPPED", containers: [{ name: "flow", exitCode: 0 }] };
const STARTS: RunState = { type: "scheduled", start: "2026-11-21T12:00:00.000Z" };
const ENDED: RunState = {
  type: "succeeded",
  cause: { type: "exit", exitCode: 0, message: "exit code 0" },
};
const CONFIG = {
  agents: {
    prod: { backend: "ecs", execution_role_arn: "arn:aws:iam::123456789012:role/flows" },
    box: { backend: "docker", labels: ["box"] },
  },
};

let folder: string;
let table: TestTable;
let dynamodb: AwsProxy;
let ecs: FakeEcs;
/** What takes messages and events, and gives nothing on. */
let takers: AnswerServer;
let env: Readonly<Record<string, string>>;
let app: App;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-calls-"));
  writeFileSync(join(folder, "sluice.json"), JSON.stringify(CONFIG));
  table = await createTable(inject("dynamodb"));
  dynamodb = await awsProxy(inject("dynamodb"));
  ecs = await fakeEcs({ region: "eu-west-1" });
  takers = await answerServer(({ headers, body }, response) => {
    response.end(JSON.stringify(taken(operationIn(headers), JSON.parse(body))));
  });
  env = {
    ...ecs.env,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_SQS: takers.endpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: takers.endpoint,
    SLUICE_BUS: "sluice-test",
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
  await told(EXITED);
  const createdAt = "2026-11-21T12:00:00.000Z";
  await app.tokens.add({ name: "test", scope: "admin", hash: hashOf("secret"), createdAt });
  await asked("GET", "/agents");
  await app.queue.send([{ body: "{}" }]);
});
afterAll(async () => {
  await Promise.all([dynamodb.close(), ecs.close(), takers[Symbol.asyncDispose]()]);
  await table.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Such as `SendMessageBatch`. */
function operationIn(headers: Asked["headers"]): string {
  return String(headers["x-amz-target"]).split(".").at(-1) ?? "";
}

/** What SQS and EventBridge answer to what they take. */
function taken(operation: string, { Entries = [] }: { readonly Entries?: readonly Entry[] }) {
  if (operation === "GetQueueUrl") return { QueueUrl: `${takers.endpoint}/queue` };
  if (operation === "PutEvents") {
    return { FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: "1" })) };
  }
  const Successful = Entries.map(({ Id, MessageBody = "" }) => ({
    Id,
    MessageId: Id,
    MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex"),
  }));
  return { Successful };
}

interface Entry {
  readonly Id?: string;
  readonly MessageBody?: string;
}

/** What a piece of work has called, by service and operation. */
async function counted(work: () => Promise<unknown>): Promise<Calls> {
  const [before, tasks, others] = [dynamodb.calls.length, ecs.calls.length, takers.asked.length];
  await work();
  const operations = [
    ...dynamodb.calls.slice(before).map(({ operation }) => `dynamodb ${operation}`),
    ...ecs.calls.slice(tasks).map((operation) => `ecs ${operation}`),
    ...takers.asked.slice(others).map(({ headers }) => {
      const service = String(headers["x-amz-target"]).startsWith("AmazonSQS") ? "sqs" : "events";
      return `${service} ${operationIn(headers)}`;
    }),
  ];
  const counts: Record<string, number> = {};
  for (const operation of operations) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

function dispatched(run_id: string, flow: JsonObject = FLOW): Promise<void> {
  return received({ run_id, flow });
}

/** Hands a message of the queue over. */
async function received(body: JsonObject): Promise<void> {
  const event = sqsEvent({ message: body });
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

/** A tick; `aheadMs` lets it believe that it is later. */
async function ticked(aheadMs = 0): Promise<void> {
  const later = { ...app, now: () => new Date(app.now().getTime() + aheadMs) };
  await pollWith(async () => later)({} as ScheduledEvent, invocation(55_000));
}

async function asked(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await apiWith(async () => app)(apiRequest(method, path, body), invocation());
  expect(answer.statusCode, answer.body).toBeLessThan(300);
}

/** Messages for an agent whose runs go to a host, in one batch. */
async function dispatchedToHost(runs: number): Promise<void> {
  const flow = { name: "load", command: "true" };
  const messages = Array.from({ length: runs }, (_, index) => {
    const run_id = `boxed-${index}`;
    return [run_id, { run_id, flow, labels: ["box"] }] as const;
  });
  const event = sqsEvent(Object.fromEntries(messages));
  const answer = await dispatchWith(async () => app)(event, invocation());
  expect(answer).toEqual({ batchItemFailures: [] });
}

/** Lets the host of that agent say, past what is counted, that it was there so long from now. */
async function hostSeen(inMs: number): Promise<void> {
  const lastSeen = new Date(app.now().getTime() + inMs).toISOString();
  const host = { agent: "box", id: "one", machine: "bench", version: "0.1.0" };
  await dynamoHosts(table.open(), app).beat({ ...host, startedAt: lastSeen, lastSeen });
}

async function abandoned(body: unknown): Promise<void> {
  const answer = await abandonWith(async () => app)(sqsEvent({ dead: body }), invocation());
  expect(answer).toEqual({ batchItemFailures: [] });
}

async function published(states: readonly RunState[]): Promise<void> {
  const heads = states.map((state, index) => ({ NewImage: headImage(`run-${index}`, state, 1) }));
  const publish = publishWith(() => openPublisher(env, silentLogger));
  const answer = await publish(streamEvent(...heads), invocation());
  expect(answer).toEqual({ batchItemFailures: [] });
}

describe("one run on AWS calls", () => {
  test("exactly what the table in ARCHITECTURE.md says", async () => {
    const calls = {
      "`dispatch`": await counted(() => dispatched("second")),
      "`dispatch`, the same message again": await counted(() => dispatched("second")),
      "`observe`, its task runs": await counted(() => told({ lastStatus: "RUNNING" })),
      "`poll`, up to 100 tasks to look at": await counted(() => ticked()),
      "`observe`, its task has stopped": await counted(() => told(EXITED)),
      "`poll`, nothing due": await counted(() => ticked()),
      "`dispatch`, 10 runs for an agent host": await counted(() => dispatchedToHost(10)),
      "`poll`, 10 runs of a host that is lost": await counted(async () => {
        await hostSeen(-60 * MINUTE);
        await ticked();
        await hostSeen(60 * MINUTE);
      }),
      "`api`, `POST /runs`": await counted(() =>
        asked("POST", "/runs", { run_id: "posted", flow: FLOW }),
      ),
      "`poll`, a run whose message is lost": await counted(() => ticked(30 * MINUTE)),
      "`dispatch`, a run of `POST /runs`": await counted(() => received({ run_id: "posted" })),
      "`abandon`, a run that was launched": await counted(() => abandoned({ run_id: "posted" })),
      "`api`, `POST /runs/ID/cancel`": await counted(() => asked("POST", "/runs/posted/cancel")),
      "`abandon`, a run nobody knows": await counted(() => abandoned({ run_id: "x", flow: FLOW })),
      "`dispatch`, the first run of a new definition": await counted(() =>
        dispatched("third", { ...FLOW, name: "other" }),
      ),
      "`api`, `GET /health`": await counted(() => asked("GET", "/health")),
      "`publish`, up to 10 changes": await counted(() =>
        published(Array.from({ length: 10 }, () => STARTS)),
      ),
      "`publish`, a run that has ended": await counted(() => published([ENDED])),
    };

    expect(calls).toEqual(CALLS);
  });
});
