import type * as Sqs from "@aws-sdk/client-sqs";
import type { BatchResultErrorEntry, SQSClient, SQSClientConfig } from "@aws-sdk/client-sqs";
import { type BatchLimits, batches } from "../chunks.ts";
import { PermanentError } from "../errors.ts";
import type { OutgoingMessage, Queue } from "../queue.ts";
import { checkDelay, checkSize, MAX_MESSAGE_BYTES } from "./checks.ts";

/** Which queue, how it is reached, and what is needed from outside. */
export interface SqsQueueOptions {
  /** Address of the queue, or its name in the account and region of the client. */
  readonly queue: string;
  /**
   * Settings of the SDK's client: region, endpoint, credentials. A call is tried five times in all, for
   * at most ten seconds each, unless they say otherwise.
   */
  readonly client: SQSClientConfig;
  /** A random number from 0 up to 1. */
  random(): number;
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
}

/** What SQS takes with one call. */
const BATCH: BatchLimits<Entry> = {
  most: 10,
  mostBytes: MAX_MESSAGE_BYTES,
  bytesOf: ({ MessageBody }) => Buffer.byteLength(MessageBody),
};
/** How often messages are sent that SQS accepts the batch of, but not them. */
const ATTEMPTS = 4;
/** The longest wait before the second attempt, in milliseconds; it doubles with each. */
const FIRST_WAIT_MS = 200;

/**
 * The sending side of a queue of SQS; its receiving side belongs to Lambda.
 *
 * SQS takes no characters that XML has not, so they are sent as JSON writes them, `\uffff`: in a body
 * that is JSON this changes nothing. A message whose answer is lost is sent again and comes twice.
 */
export function sqsQueue(options: SqsQueueOptions): Queue {
  let opened: Promise<Opened> | undefined;
  const open = () => {
    opened ??= openQueue(options).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    async send(messages) {
      const entries = messages.map(entryOf);
      for (const batch of batches(entries, BATCH)) await sendBatch(await open(), batch, options);
    },
  };
}

interface Opened {
  readonly sdk: typeof Sqs;
  readonly client: SQSClient;
  readonly url: string;
}

async function openQueue({ queue, client: config }: SqsQueueOptions): Promise<Opened> {
  const sdk = await import("@aws-sdk/client-sqs");
  const client = new sdk.SQSClient({
    maxAttempts: 5,
    requestHandler: {
      connectionTimeout: 2_000,
      requestTimeout: 10_000,
      throwOnRequestTimeout: true,
    },
    ...config,
  });
  if (/^https?:\/\//.test(queue)) return { sdk, client, url: queue };
  const { QueueUrl } = await client.send(new sdk.GetQueueUrlCommand({ QueueName: queue }));
  if (QueueUrl === undefined) throw new Error(`SQS gave no address for the queue ${queue}`);
  return { sdk, client, url: QueueUrl };
}

/** A message as a batch holds it. `Id`: its number among those that are sent together, from 1. */
interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly DelaySeconds: number;
}

function entryOf({ body, delaySeconds = 0 }: OutgoingMessage, index: number): Entry {
  checkDelay(delaySeconds);
  const text = legal(body);
  checkSize(text);
  return { Id: String(index + 1), MessageBody: text, DelaySeconds: delaySeconds };
}

/** All but the characters of XML 1.0; halves of surrogate pairs are none of them. */
const ILLEGAL = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function legal(body: string): string {
  return body.replace(
    ILLEGAL,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

async function sendBatch(
  { sdk, client, url }: Opened,
  batch: readonly Entry[],
  { random, sleep }: SqsQueueOptions,
): Promise<void> {
  let left = batch;
  for (let attempt = 1; ; attempt += 1) {
    const input = { QueueUrl: url, Entries: [...left] };
    const { Failed = [] } = await client.send(new sdk.SendMessageBatchCommand(input));
    if (Failed.length === 0) return;
    if (attempt === ATTEMPTS || Failed.some(({ SenderFault }) => SenderFault)) throw unsent(Failed);
    const ids = new Set(Failed.map(({ Id }) => Id));
    left = left.filter(({ Id }) => ids.has(Id));
    await sleep(FIRST_WAIT_MS * 2 ** (attempt - 1) * random());
  }
}

/** SQS says of each message whether it is the message's own fault, which no other try cures. */
function unsent(failed: readonly BatchResultErrorEntry[]): Error {
  const faults = failed.map(({ Id, Code, Message }) => `message ${Id} (${Code}: ${Message})`);
  const text = `SQS did not take ${faults.join(", ")}`;
  const forGood = failed.every(({ SenderFault }) => SenderFault === true);
  return forGood ? new PermanentError("rejected", text) : new Error(`${text}: try again`);
}
