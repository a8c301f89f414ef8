import { MetricUnit } from "@aws-lambda-powertools/metrics";
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from "aws-lambda";
import { environment } from "../src/aws/app.ts";
import { eventBus, type PutEvents } from "../src/aws/bus.ts";
import { changesIn, type StreamedChange } from "../src/aws/changes.ts";
import { log, metrics } from "../src/aws/powertools.ts";
import { runView } from "../src/http/views.ts";
import { isFinal } from "../src/run.ts";
import { stack } from "./stack.ts";

/**
 * Tells the event bus of every change of a state, and counts them. What the bus refuses comes again with
 * all that follows it, so events come at least once and, for one run, in order; `revision` tells them apart.
 */
export const publishWith = (open: () => PutEvents) => {
  let put: PutEvents | undefined;
  return stack(async ({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> => {
    put ??= open();
    const changes = changesIn(Records);
    const done = await put(changes.map(detailOf));
    changes.slice(0, done).forEach(count);
    metrics.addMetric("ChangesPublished", MetricUnit.Count, done);
    const failed = changes[done];
    return {
      batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed.sequence }],
    };
  });
};

export const handler = publishWith(() => eventBus(environment(), log));

function detailOf({ run, from }: StreamedChange) {
  return { run: runView(run), revision: run.revision, ...(from === undefined ? {} : { from }) };
}

function count({ run: { state } }: StreamedChange): void {
  const words = state.type.split("_").map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`);
  metrics.addMetric(`Runs${words.join("")}`, MetricUnit.Count, 1);
  if (isFinal(state) && state.cause.type === "abandoned") {
    metrics.addMetric("RunsAbandoned", MetricUnit.Count, 1);
  }
}
