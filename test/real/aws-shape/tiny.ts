import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { startMoto } from "./moto.ts";
import { type RawAws, rawAws } from "./runtime/aws.ts";
import { type Runtime, startRuntime } from "./runtime/index.ts";
import type { Mapping } from "./runtime/mappings.ts";

/** What a tiny stack is deployed with. */
export interface TinyOptions {
  /** How long messages are hidden, in seconds. Default: 60, a second here. */
  readonly visibility?: number;
  /** Default: 5. */
  readonly maxReceiveCount?: number;
  /** How the queue is read. Default: not at all. */
  readonly mapping?: Partial<Mapping>;
  readonly streams?: (functionArn: string) => readonly Mapping[];
  /** Seconds the function may take. Default: 30. */
  readonly timeout?: number;
  /** How often an event is given to the function again. Default: as Lambda does. */
  readonly retries?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** What the function says: that it began with some messages or records, or that it ended well. */
export interface Line {
  readonly did: "began" | "ended";
  readonly pid: number;
  readonly at: number;
  /** The id of an event of EventBridge. */
  readonly id?: string;
  readonly bodies: readonly string[];
}

/** A function with a queue and its dead letter queue, at work. */
export interface TinyStack {
  readonly runtime: Runtime;
  readonly functionArn: string;
  readonly queueArn: string;
  readonly deadArn: string;
  send(...bodies: readonly string[]): Promise<void>;
  /** What is in the dead letter queue; each message is given once. */
  dead(): Promise<readonly { readonly body: string; readonly attributes: object }[]>;
  /** What is in the queue, as somebody else sees it. */
  left(): Promise<readonly string[]>;
  lines(did?: Line["did"]): readonly Line[];
  /** Lets all go on who hold. */
  go(): void;
  close(): Promise<void>;
}

/** A moto on which tiny stacks are deployed. */
export interface TinyAws {
  readonly endpoint: string;
  readonly aws: RawAws;
  readonly sqs: SQSClient;
  stack(name: string, options?: TinyOptions): Promise<TinyStack>;
  close(): Promise<void>;
}

export const REGION = "eu-west-1";
const EMPTY_ZIP = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==";

/**
 * What a message says is what is done: `fail 2` fails for the first two times it is received, and so do
 * `throw`, `die`, `unknown` and `shapeless`, for all of their batch. `hold` waits until it may go on.
 */
const HANDLER = `
import { appendFileSync, existsSync } from "node:fs";
const say = (line) => appendFileSync("log", JSON.stringify({ pid: process.pid, at: Date.now(), ...line }) + "\\n");
const seen = new Map();
export async function handler(event) {
  const records = (event.Records ?? []).map((one) => {
    const text = one.body ?? one.dynamodb.NewImage.pk.S;
    const id = one.messageId ?? one.dynamodb.SequenceNumber;
    const count = Number(one.attributes?.ApproximateReceiveCount ?? (seen.get(id) ?? 0) + 1);
    seen.set(id, count);
    const [word, times = "0"] = text.split(" ");
    return { id, text, word, due: count <= Number(times) };
  });
  const is = (word) => records.some((one) => one.word === word && one.due);
  const bodies = records.map(({ text }) => text);
  say({ did: "began", id: event.id, bodies });
  if (event.hold || bodies.includes("hold")) {
    while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (is("die")) process.kill(process.pid, "SIGKILL");
  if (event.detail?.throw || event.rawPath === "/throw" || is("throw") || process.env.FAILS) throw new Error("as asked");
  say({ did: "ended", id: event.id, bodies });
  if (event.version === "2.0") return { statusCode: 201, headers: { "x-a": "b" }, cookies: ["c=d"], body: JSON.stringify(event) };
  if (is("unknown")) return { batchItemFailures: [{ itemIdentifier: "nobody" }] };
  if (is("shapeless")) return { batchItemFailures: ["x"] };
  const failed = records.filter(({ word, due }) => word === "fail" && due);
  return { pid: process.pid, batchItemFailures: failed.map(({ id }) => ({ itemIdentifier: id })) };
}
`;

/** Starts moto; a minute takes a second in the stacks that are deployed on it. */
export async function startTinyAws(): Promise<TinyAws> {
  const moto = await startMoto();
  const endpoint = moto.url;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  const aws = rawAws(endpoint, REGION);
  const sqs = new SQSClient({ endpoint, region: REGION });
  await makeRole(endpoint);
  return {
    endpoint,
    aws,
    sqs,
    stack: (name, options = {}) => deployTiny({ endpoint, aws, sqs }, name, options),
    async close() {
      sqs.destroy();
      await moto.close();
    },
  };
}

async function makeRole(endpoint: string): Promise<void> {
  const Action = { Action: "CreateRole", Version: "2010-05-08", RoleName: "tiny" };
  const body = new URLSearchParams({ ...Action, AssumeRolePolicyDocument: "{}" });
  const scope = `Credential=test/20261121/${REGION}/iam/aws4_request`;
  const headers = {
    authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=none`,
  };
  const response = await fetch(endpoint, { method: "POST", body, headers });
  if (!response.ok) throw new Error(await response.text());
}

async function deployTiny(
  { endpoint, aws, sqs }: Pick<TinyAws, "endpoint" | "aws" | "sqs">,
  name: string,
  options: TinyOptions,
): Promise<TinyStack> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-tiny-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "index.js"), HANDLER);
  const queues = await makeQueues(sqs, name, options);
  const functionArn = await makeFunction(aws, name, options);
  const runtime = await startRuntime({
    endpoint,
    region: REGION,
    folder,
    prefix: `${name}-`,
    minuteMs: 1_000,
    env: {},
    streams: options.streams?.(functionArn) ?? [],
  });
  const log = join(folder, "log");
  return {
    runtime,
    functionArn,
    ...queues,
    lines(did = "began") {
      const text = existsSync(log) ? readFileSync(log, "utf8") : "";
      const all = text.split("\n").slice(0, -1);
      return all.map((line) => JSON.parse(line) as Line).filter((line) => line.did === did);
    },
    go: () => writeFileSync(join(folder, "go"), ""),
    async close() {
      await runtime.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A queue and the one its dead letters go to. */
async function makeQueues(
  sqs: SQSClient,
  name: string,
  { visibility = 60, maxReceiveCount = 5 }: TinyOptions,
): Promise<Pick<TinyStack, "queueArn" | "deadArn" | "send" | "dead" | "left">> {
  const deadArn = arnOf("sqs", `${name}-dead`);
  const { QueueUrl: dead } = await sqs.send(new CreateQueueCommand({ QueueName: `${name}-dead` }));
  const Attributes = {
    VisibilityTimeout: String(visibility),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadArn, maxReceiveCount }),
  };
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: `${name}-queue`, Attributes }),
  );
  const received = async (url: string | undefined) => {
    const command = new ReceiveMessageCommand({ QueueUrl: url, MessageAttributeNames: ["All"] });
    return ((await sqs.send(command)).Messages ?? []).map(
      ({ Body: body = "", MessageAttributes: attributes = {} }) => ({ body, attributes }),
    );
  };
  return {
    queueArn: arnOf("sqs", `${name}-queue`),
    deadArn,
    async send(...bodies) {
      for (let start = 0; start < bodies.length; start += 10) {
        const Entries = bodies
          .slice(start, start + 10)
          .map((MessageBody, index) => ({ Id: String(index), MessageBody }));
        await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      }
    },
    dead: () => received(dead),
    left: async () => (await received(QueueUrl)).map(({ body }) => body),
  };
}

/** A function, and how it reads its queue. Its ARN. */
async function makeFunction(
  aws: RawAws,
  name: string,
  { timeout = 30, environment = {}, retries, mapping }: TinyOptions,
): Promise<string> {
  const FunctionName = `${name}-function`;
  await aws.post("lambda", "/2015-03-31/functions", {
    FunctionName,
    Runtime: "nodejs24.x",
    Role: "arn:aws:iam::123456789012:role/tiny",
    Handler: "index.handler",
    Timeout: timeout,
    Environment: { Variables: environment },
    Code: { ZipFile: EMPTY_ZIP },
  });
  if (retries !== undefined) {
    const path = `/2019-09-25/functions/${FunctionName}/event-invoke-config`;
    await aws.put("lambda", path, { MaximumRetryAttempts: retries });
  }
  if (mapping !== undefined) {
    const EventSourceArn = arnOf("sqs", `${name}-queue`);
    const given = { FunctionName, EventSourceArn, Enabled: false, ...mapping };
    await aws.post("lambda", "/2015-03-31/event-source-mappings/", given);
  }
  return arnOf("lambda", `function:${FunctionName}`);
}

function arnOf(service: string, name: string): string {
  return `arn:aws:${service}:${REGION}:123456789012:${name}`;
}
