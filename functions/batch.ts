import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Context, SQSBatchResponse, SQSRecord } from "aws-lambda";
import { log, metrics } from "../src/aws/powertools.ts";
import { messageOf } from "../src/errors.ts";
import type { Message } from "../src/queue.ts";

/** What is left undone so long before the end of an invocation is reported as failed. */
const MARGIN_MS = 2_000;

/**
 * Handles the messages of a batch side by side and reports by its id each one that failed or was not done
 * in time. The queue deletes all others, so a message counts as handled only if its own work has returned.
 */
export async function handleBatch(
  records: readonly SQSRecord[],
  context: Pick<Context, "getRemainingTimeInMillis">,
  work: (message: Message) => Promise<void>,
): Promise<SQSBatchResponse> {
  const handled = new Set<SQSRecord>();
  const handle = async (record: SQSRecord) => {
    try {
      await work({ id: record.messageId, body: record.body });
      handled.add(record);
    } catch (error) {
      log.warn("message failed", {
        messageId: record.messageId,
        receiveCount: record.attributes.ApproximateReceiveCount,
        reason: messageOf(error),
      });
    }
  };
  const budget = context.getRemainingTimeInMillis() - MARGIN_MS;
  await withinBudget(budget, Promise.all(records.map(handle)));
  const failed = new Set(
    records.filter((record) => !handled.has(record)).map(({ messageId }) => messageId),
  );
  metrics.addMetric("MessagesHandled", MetricUnit.Count, records.length - failed.size);
  metrics.addMetric("MessagesFailed", MetricUnit.Count, failed.size);
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Waits until the work is done, or so many milliseconds are over. */
async function withinBudget(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Unlike that of a signal this timer keeps the process alive: where work hangs on nothing that does, Lambda
  // would fail the whole batch for a handler that never answers.
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
}
