import type { DynamoDBStreamEvent } from "aws-lambda";
import { CLOUD, type Run, type RunState } from "../../src/run.ts";
import { headColumns, recentColumns } from "../../src/stores/dynamodb/head.ts";
import { toItem } from "../../src/stores/dynamodb/item.ts";
import { headKey } from "../../src/stores/dynamodb/keys.ts";

const NOW = "2026-11-21T12:00:00.000Z";

/** A head as the stream of the table carries it. */
export function headImage(id: string, state: RunState, revision: number) {
  const run: Run = {
    id,
    name: id,
    flow: { name: "hello" },
    labels: [],
    backend: "any",
    place: CLOUD,
    state,
    since: NOW,
    createdAt: NOW,
    launches: 0,
    revision,
  };
  const { set } = headColumns(run, 30);
  const body = `hash of ${id}`;
  return toItem({ ...headKey(id), ...set, ...recentColumns(run, "shard"), body });
}

/** Records of the stream; those with an old image change what was there. */
export function streamEvent(...records: readonly object[]): DynamoDBStreamEvent {
  return {
    Records: records.map((dynamodb, index) => ({
      eventName: "OldImage" in dynamodb ? "MODIFY" : "INSERT",
      dynamodb: { SequenceNumber: `s${index}`, ...dynamodb },
    })),
  };
}
