import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import type { RawAws } from "./aws.ts";
import type { LocalFunction } from "./functions.ts";

/** An event source mapping as it is deployed. */
export interface Mapping {
  readonly EventSourceArn: string;
  readonly FunctionArn: string;
  readonly BatchSize: number;
  readonly FunctionResponseTypes?: readonly string[];
  readonly FilterCriteria?: { readonly Filters: readonly { readonly Pattern: string }[] };
}

interface Answer {
  readonly batchItemFailures?: readonly { readonly itemIdentifier: string }[];
}

/**
 * Reads a queue for a function as Lambda does: what a function does not name among its failures is
 * deleted; a function that throws, or names what it was not given, has failed for all. What failed comes
 * back when its time of hiding is over.
 */
export async function readQueue(
  mapping: Mapping,
  { sqs, target, signal }: { sqs: SQSClient; target: LocalFunction; signal: AbortSignal },
): Promise<void> {
  const QueueName = mapping.EventSourceArn.split(":").at(-1) ?? "";
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const MaxNumberOfMessages = Math.min(10, mapping.BatchSize);
  const inHand = new Set<Promise<void>>();
  while (!signal.aborted) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages,
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ["All"],
      }),
    );
    if (Messages.length === 0) {
      await pause(150);
      continue;
    }
    const work = handle(Messages).finally(() => inHand.delete(work));
    inHand.add(work);
  }
  await Promise.all(inHand);

  async function handle(messages: readonly Message[]): Promise<void> {
    const failed = await failuresOf(mapping, target, messages);
    const entries = (some: readonly Message[]) =>
      some.map(({ ReceiptHandle = "" }, index) => ({ Id: String(index), ReceiptHandle }));
    const done = messages.filter((message) => !failed.includes(message));
    if (done.length > 0) {
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: entries(done) }));
    }
    if (failed.length === 0) return;
    // Nobody waits for the end of its hiding here: it would take half an hour to fail five times.
    const Entries = entries(failed).map((entry) => ({ ...entry, VisibilityTimeout: 1 }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
  }
}

async function failuresOf(
  mapping: Mapping,
  target: LocalFunction,
  messages: readonly Message[],
): Promise<readonly Message[]> {
  const Records = messages.map(({ MessageId, ReceiptHandle, Body, Attributes, MD5OfBody }) => ({
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes ?? {},
    messageAttributes: {},
    md5OfBody: MD5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: mapping.EventSourceArn,
    awsRegion: mapping.EventSourceArn.split(":")[3],
  }));
  try {
    const answer = ((await target.invoke({ Records })) ?? {}) as Answer;
    if (!mapping.FunctionResponseTypes?.includes("ReportBatchItemFailures")) return [];
    const ids = (answer.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier);
    const known = ids.every((id) => messages.some(({ MessageId }) => MessageId === id));
    return known ? messages.filter(({ MessageId = "" }) => ids.includes(MessageId)) : messages;
  } catch {
    return messages;
  }
}

interface StreamRecord {
  readonly eventName: string;
  readonly dynamodb: {
    readonly SequenceNumber: string;
    readonly Keys: Record<string, { S?: string }>;
  };
}

/** Reads the stream of a table for a function, in order; what failed is read again from there on. */
export async function readStream(
  mapping: Mapping,
  { aws, target, signal }: { aws: RawAws; target: LocalFunction; signal: AbortSignal },
): Promise<void> {
  const StreamArn = mapping.EventSourceArn;
  const api = "DynamoDBStreams_20120810";
  const { StreamDescription } = (await aws.call(`${api}.DescribeStream`, { StreamArn })) as {
    readonly StreamDescription: { readonly Shards: readonly { readonly ShardId: string }[] };
  };
  const ShardId = StreamDescription.Shards[0]?.ShardId;
  const first = { StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  let { ShardIterator } = await aws.call(`${api}.GetShardIterator`, first);
  while (!signal.aborted) {
    const page = await aws.call(`${api}.GetRecords`, { ShardIterator, Limit: mapping.BatchSize });
    ShardIterator = page["NextShardIterator"];
    let records = ((page["Records"] ?? []) as readonly StreamRecord[]).filter(isWanted);
    while (records.length > 0 && !signal.aborted) {
      const answer = ((await target.invoke({ Records: records })) ?? {}) as Answer;
      const failed = answer.batchItemFailures?.[0]?.itemIdentifier;
      const from = records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === failed);
      records = failed === undefined ? [] : records.slice(Math.max(0, from));
    }
    await pause(200);
  }

  /** The deployed filter, as far as this project uses such: exact texts. */
  function isWanted(record: StreamRecord): boolean {
    const filters = (mapping.FilterCriteria?.Filters ?? []).map(
      ({ Pattern }) => JSON.parse(Pattern) as unknown,
    );
    return filters.length === 0 || filters.some((pattern) => matches(pattern, record));
  }
}

/** Whether a pattern of EventBridge matches: exact values and prefixes. */
export function matches(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) {
    return pattern.some((one: unknown) => {
      const { prefix } = (typeof one === "object" ? one : {}) as { readonly prefix?: string };
      return prefix === undefined ? one === value : String(value).startsWith(prefix);
    });
  }
  const members = (value ?? {}) as Record<string, unknown>;
  return Object.entries(pattern as object).every(([key, part]) => matches(part, members[key]));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
