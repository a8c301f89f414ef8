import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
} from "@aws-sdk/client-sqs";
import { ASK_AGAIN_MS, failuresOf, type Mapping, type MappingTools, pause } from "./mappings.ts";

/** SQS gives out so many messages at once. */
const RECEIVED_AT_ONCE = 10;

/** Lambda goes no further for one mapping. */
const MOST_AT_ONCE = 1_000;

/** Messages that go to the function together. */
interface Batch {
  readonly messages: readonly Message[];
  /** When the first of them was received. */
  readonly since: number;
}

/**
 * Reads a queue for a function as Lambda does, until all is over. Batches are gathered until they are full or
 * their window is over, and at most `MaximumConcurrency` of them are with the function. What the function
 * does not name among its failures is deleted; if it throws, dies or names what it was not given, everything
 * has failed. What failed stays hidden for the rest of the queue's visibility timeout, which is shortened; the
 * queue itself counts, and moves to its dead letter queue what came too often.
 */
export async function readQueue(mapping: Mapping, tools: MappingTools): Promise<void> {
  const { sqs, signal, shortened } = tools;
  const QueueName = mapping.EventSourceArn.split(":").at(-1) ?? "";
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["VisibilityTimeout"] }),
  );
  const hiddenMs = shortened(Number(Attributes?.["VisibilityTimeout"]));
  const windowMs = shortened(mapping.MaximumBatchingWindowInSeconds ?? 0);
  const most = mapping.ScalingConfig?.MaximumConcurrency ?? MOST_AT_ONCE;
  const inHand = new Set<Promise<void>>();

  while (!signal.aborted) {
    if (inHand.size >= most) {
      await Promise.race(inHand);
      continue;
    }
    const batch = await gather();
    if (batch === undefined) break;
    const work = handle(batch).finally(() => inHand.delete(work));
    inHand.add(work);
  }
  await Promise.all(inHand);

  async function gather(): Promise<Batch | undefined> {
    const messages: Message[] = [];
    let since = Number.POSITIVE_INFINITY;
    while (!signal.aborted) {
      const more = await receive(mapping.BatchSize - messages.length);
      if (more.length > 0) since = Math.min(since, Date.now());
      messages.push(...more);
      const over = Date.now() - since >= windowMs;
      if (messages.length >= mapping.BatchSize || over) return { messages, since };
      if (more.length === 0) await pause(Math.min(ASK_AGAIN_MS, windowMs || ASK_AGAIN_MS), signal);
    }
    return undefined;
  }

  async function receive(most: number): Promise<readonly Message[]> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: Math.min(RECEIVED_AT_ONCE, most),
        // Waiting is done here: moto would not notice that all is over.
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ["All"],
      }),
    );
    return Messages;
  }

  async function handle({ messages, since }: Batch): Promise<void> {
    const Records = messages.map((message) => recordOf(message, mapping));
    const ids = await failuresOf(mapping, tools.invoke({ Records }));
    const known = ids?.every((id) => messages.some(({ MessageId }) => MessageId === id));
    const isFailed = ({ MessageId = "" }: Message) => known !== true || ids?.includes(MessageId);
    await remove(messages.filter((message) => !isFailed(message)));
    await hide(messages.filter(isFailed), since + hiddenMs - Date.now());
  }

  async function remove(messages: readonly Message[]): Promise<void> {
    for (const Entries of entriesOf(messages)) {
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  async function hide(messages: readonly Message[], ms: number): Promise<void> {
    const VisibilityTimeout = Math.max(0, Math.ceil(ms / 1_000));
    for (const some of entriesOf(messages)) {
      const Entries = some.map((entry) => ({ ...entry, VisibilityTimeout }));
      await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
    }
  }
}

/** Entries of calls for several messages, in as many calls as are needed. */
function* entriesOf(messages: readonly Message[]) {
  for (let start = 0; start < messages.length; start += RECEIVED_AT_ONCE) {
    yield messages
      .slice(start, start + RECEIVED_AT_ONCE)
      .map(({ ReceiptHandle = "" }, index) => ({ Id: String(index), ReceiptHandle }));
  }
}

function recordOf(
  { MessageId, ReceiptHandle, Body, Attributes = {}, MD5OfBody }: Message,
  { EventSourceArn }: Mapping,
) {
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
    messageAttributes: {},
    md5OfBody: MD5OfBody,
    eventSource: "aws:sqs",
    eventSourceARN: EventSourceArn,
    awsRegion: EventSourceArn.split(":")[3],
  };
}
