import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from "aws-lambda";
import { environment } from "../src/aws/app.ts";
import { changesIn, type StreamedChange } from "../src/aws/changes.ts";
import { log, metrics } from "../src/aws/powertools.ts";
import { openPublisher, type Publisher } from "../src/aws/publisher.ts";
import { isFinal } from "../src/run.ts";
import { stack } from "./stack.ts";

/**
 * Lets the bodies of ended runs expire, tells the event bus of every change of a state, and counts them.
 * What cannot be done comes again with all that follows it, so events come at least once and, for one run,
 * in order; `revision` tells them apart.
 */
export const publishWith = (open: () => Publisher) => {
  let publisher: Publisher | undefined;
  return stack(async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    publisher ??= open();
    const changes = changesIn(Records);
    const done = await publisher.publish(changes);
    changes.slice(0, done).forEach(count);
    metrics.addMetric("ChangesPublished", MetricUnit.Count, done);
    const failed = changes[done];
    return {
      batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed.sequence }],
    };
  });
};

export const handler = publishWith(() => openPublisher(environment(), log));

function count({ run: { state } }: StreamedChange): void {
  const words = state.type.split("_").map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  metrics.addMetric(`Runs${words.join("")}`, MetricUnit.Count, 1);
  if (isFinal(state) && state.cause.type === "abandoned") {
    metrics.addMetric("RunsAbandoned", MetricUnit.Count, 1);
  }
}
