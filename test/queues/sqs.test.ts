import { SQSClient } from "@aws-sdk/client-sqs";
import * as fc from "fast-check";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { INVALID_MESSAGE_BODY_CHAR } from "../../node_modules/fauxqs/dist/sqs/sqsTypes.js";
import { PermanentError } from "../../src/errors.ts";
import { sqsQueue } from "../../src/queues/sqs.ts";
import { queueContract } from "../contracts/queue.ts";
import { takeAll } from "../contracts/queue-harness.ts";
import { failingSqs, type SqsFailure } from "../fakes/sqs-failing.ts";
import { withReceiver } from "../fakes/sqs-receiver.ts";

const VISIBILITY_MS = 30_000;
const MAX_RECEIVES = 3;

let server: FauxqsServer;
beforeAll(async () => {
  // SQS documents the characters it takes as #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD and #x10000
  // to #x10FFFF; the server leaves out the last.
  const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
  Object.assign(INVALID_MESSAGE_BODY_CHAR, { test: (text: string) => illegal.test(text) });
  // It takes its time from the clock of this process.
  vi.useFakeTimers({ toFake: ["Date"] });
  server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
});
afterAll(async () => {
  await server.stop();
  vi.useRealTimers();
});

let made = 0;

/** Makes a queue and its queue of dead messages; its clients talk to the server, or to what is before it. */
function open(through = `http://127.0.0.1:${server.port}`, name = `runs-${(made += 1)}`) {
  const attributes = { VisibilityTimeout: String(VISIBILITY_MS / 1_000) };
  const dead = server.createQueue(`${name}-dead`, { attributes });
  const redrive = { deadLetterTargetArn: dead.queueArn, maxReceiveCount: MAX_RECEIVES };
  const { queueUrl: url } = server.createQueue(name, {
    attributes: { ...attributes, RedrivePolicy: JSON.stringify(redrive) },
  });
  const config = {
    region: "us-east-1",
    endpoint: through,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 2,
  };
  const client = new SQSClient({ ...config, endpoint: `http://127.0.0.1:${server.port}` });
  const waits: number[] = [];
  const sleep = async (ms: number) => void waits.push(ms);
  const another = (queue = name) => {
    const sender = sqsQueue({ queue, client: config, random: () => 1, sleep });
    return withReceiver(sender, { client, url, deadUrl: dead.queueUrl });
  };
  return {
    queue: another(),
    reopen: () => another(url),
    waits,
    pass: (ms: number) => void vi.setSystemTime(Date.now() + ms),
    close: () => client.destroy(),
  };
}

queueContract("sqs", {
  visibilityMs: VISIBILITY_MS,
  delaySeconds: 60,
  maxReceives: MAX_RECEIVES,
  open: () => open(),
});

/** Stands before the server. */
const failing = (fail: Parameters<typeof failingSqs>[1]) =>
  failingSqs(`http://127.0.0.1:${server.port}`, fail);

const internal: SqsFailure = { SenderFault: false, Code: "InternalError", Message: "try later" };
const refused: SqsFailure = { SenderFault: true, Code: "InvalidMessageContents", Message: "no" };
const bodies = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ body: `body ${index}` }));

describe("messages for SQS", () => {
  it("travel in batches of ten", async () => {
    await using proxy = await failing(() => undefined);
    const { queue } = open(proxy.endpoint);

    await queue.send(bodies(25));

    expect(proxy.batches.map((batch) => batch.length)).toStrictEqual([10, 10, 5]);
  });

  it("travel in batches of no more than 1 MiB, and in their order", async () => {
    await using proxy = await failing(() => undefined);
    const { queue } = open(proxy.endpoint);
    const sizes = [600_000, 448_576, 1, 1_048_576, 500_000, 600_000];

    await queue.send(sizes.map((size) => ({ body: "a".repeat(size) })));

    const sent = proxy.batches.map((batch) => batch.map(({ MessageBody }) => MessageBody.length));
    expect(sent).toStrictEqual([[600_000, 448_576], [1], [1_048_576], [500_000], [600_000]]);
  });

  it("are sent again when SQS fails to take some, and only those", async () => {
    let failures = 3;
    await using proxy = await failing(({ Id }) =>
      (Id === "2" || Id === "3") && failures-- > 0 ? internal : undefined,
    );
    const { queue, waits } = open(proxy.endpoint);

    await queue.send(bodies(4));

    const ids = proxy.batches.map((batch) => batch.map(({ Id }) => Id));
    expect(ids).toStrictEqual([["1", "2", "3", "4"], ["2", "3"], ["2"]]);
    expect(waits).toStrictEqual([200, 400]);
    const received = (await takeAll(queue)).map(({ body }) => body).sort();
    expect(received).toStrictEqual(["body 0", "body 1", "body 2", "body 3"]);
  });

  it("that SQS never takes are named, and may be sent again", async () => {
    await using proxy = await failing(({ Id }) => (Id > "2" ? internal : undefined));
    const { queue } = open(proxy.endpoint);

    const error = await queue.send(bodies(4)).catch((thrown: unknown) => thrown);

    expect(error).not.toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      message:
        "SQS did not take message 3 (InternalError: try later), message 4 (InternalError: try later): try again",
    });
    expect(proxy.batches).toHaveLength(4);
    expect(await takeAll(queue)).toHaveLength(2);
  });

  it("that SQS refuses for good are named and not sent again", async () => {
    await using proxy = await failing(({ Id }) => (Id === "2" ? refused : undefined));
    const { queue } = open(proxy.endpoint);

    const error = await queue.send(bodies(2)).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({
      code: "rejected",
      message: expect.stringMatching(/^SQS did not take message 2 /),
    });
    expect(proxy.batches).toHaveLength(1);
  });

  it("go to a queue that is found only later", async () => {
    const { queue } = open(undefined, "early");
    server.deleteQueue("early");

    const error = await queue.send([{ body: "lost" }]).catch((thrown: unknown) => thrown);
    server.createQueue("early");
    await queue.send([{ body: "found" }]);

    expect(error).not.toBeInstanceOf(PermanentError);
    expect(await takeAll(queue)).toMatchObject([{ body: "found" }]);
  });

  it("say the same after the journey, whatever JSON says", async () => {
    const { queue } = open();
    const text = fc.string({ unit: "binary", maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (texts) => {
        const value = { texts, odd: "\ufffe\uffff\ud800\u0000\u007f" };

        await queue.send([{ body: JSON.stringify(value) }]);

        const [message, ...others] = await takeAll(queue);
        expect(JSON.parse(message?.body ?? "")).toStrictEqual(value);
        expect(others).toStrictEqual([]);
        await queue.done([message?.receipt ?? ""]);
      }),
      { numRuns: 50 },
    );
  });
});
