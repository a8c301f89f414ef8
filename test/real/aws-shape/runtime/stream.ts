import { GetQueueUrlCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { ASK_AGAIN_MS, failuresOf, type Mapping, type MappingTools, pause } from "./mappings.ts";
import { matches } from "./patterns.ts";

interface StreamRecord {
  readonly eventName: string;
  readonly dynamodb: { readonly SequenceNumber: string };
}

/** Unless told, and if told so, Lambda tries until the record is too old. */
const FOR_EVER = -1;

/** How long Lambda waits before it tries again, in seconds: about so. */
const WAIT_SECONDS = 1;

const STREAMS = "DynamoDBStreams_20120810";

/**
 * Reads the stream of a table for a function as Lambda does, until all is over: in order, one batch at a time.
 * A function that reports failures gets its batch again from the first of them on; one that throws gets it
 * again whole, or in halves if so deployed. What was tried too often is told to the destination and left.
 */
export async function readStream(mapping: Mapping, tools: MappingTools): Promise<void> {
  const { aws, signal, shortened } = tools;
  const StreamArn = mapping.EventSourceArn;
  const { StreamDescription } = (await aws.call(`${STREAMS}.DescribeStream`, { StreamArn })) as {
    readonly StreamDescription: { readonly Shards: readonly { readonly ShardId: string }[] };
  };
  const ShardId = StreamDescription.Shards[0]?.ShardId ?? "";
  const first = { StreamArn, ShardId, ShardIteratorType: mapping.StartingPosition };
  let { ShardIterator } = await aws.call(`${STREAMS}.GetShardIterator`, first);
  const patterns = (mapping.FilterCriteria?.Filters ?? []).map(
    ({ Pattern }) => JSON.parse(Pattern) as unknown,
  );
  const isWanted = (record: StreamRecord) =>
    patterns.length === 0 || patterns.some((pattern) => matches(pattern, record));

  while (!signal.aborted) {
    const batch = await gather();
    if (batch.length > 0) await handle(batch);
  }

  async function gather(): Promise<readonly StreamRecord[]> {
    const batch: StreamRecord[] = [];
    const end = Date.now() + shortened(mapping.MaximumBatchingWindowInSeconds ?? 0);
    while (!signal.aborted) {
      const Limit = mapping.BatchSize - batch.length;
      const page = await aws.call(`${STREAMS}.GetRecords`, { ShardIterator, Limit });
      ShardIterator = page["NextShardIterator"];
      const records = (page["Records"] ?? []) as readonly StreamRecord[];
      batch.push(...records.filter(isWanted));
      if (batch.length >= mapping.BatchSize || (records.length === 0 && Date.now() >= end)) break;
      if (records.length === 0) await pause(ASK_AGAIN_MS, signal);
    }
    if (batch.length === 0) await pause(ASK_AGAIN_MS, signal);
    return batch;
  }

  /** Works on a batch until it is done or given up. Halving is no try. */
  async function handle(batch: readonly StreamRecord[]): Promise<void> {
    const most = mapping.MaximumRetryAttempts ?? FOR_EVER;
    let records = batch;
    for (let tried = 1; !signal.aborted; tried++) {
      const Records = records.map((record) => ({ ...record, eventSourceARN: StreamArn }));
      const failed = await failuresOf(mapping, tools.invoke({ Records }));
      if (failed?.length === 0) return;
      const from = records.findIndex(({ dynamodb }) => failed?.includes(dynamodb.SequenceNumber));
      if (from > 0) {
        records = records.slice(from);
        tried = 0;
      } else if (from < 0 && mapping.BisectBatchOnFunctionError && records.length > 1) {
        const middle = Math.ceil(records.length / 2);
        await handle(records.slice(0, middle));
        return handle(records.slice(middle));
      } else if (most !== FOR_EVER && tried > most) {
        return giveUp(records, tried);
      }
      await pause(shortened(WAIT_SECONDS), signal);
    }
  }

  /** Tells the destination where in the stream those stand that were given up, and not what they say. */
  async function giveUp(records: readonly StreamRecord[], invocations: number): Promise<void> {
    const Destination = mapping.DestinationConfig?.OnFailure?.Destination;
    if (Destination === undefined) return;
    const QueueName = Destination.split(":").at(-1) ?? "";
    const { QueueUrl } = await tools.sqs.send(new GetQueueUrlCommand({ QueueName }));
    const MessageBody = JSON.stringify({
      requestContext: {
        functionArn: `${mapping.FunctionArn}:$LATEST`,
        condition: "RetryAttemptsExhausted",
        approximateInvokeCount: invocations,
      },
      version: "1.0",
      timestamp: new Date().toISOString(),
      DDBStreamBatchInfo: {
        shardId: ShardId,
        startSequenceNumber: records[0]?.dynamodb.SequenceNumber,
        endSequenceNumber: records.at(-1)?.dynamodb.SequenceNumber,
        batchSize: records.length,
        streamArn: StreamArn,
      },
    });
    await tools.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  }
}
