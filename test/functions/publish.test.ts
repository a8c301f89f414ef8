import type { DynamoDBStreamEvent } from "aws-lambda";
import { describe, expect, test } from "vitest";
import { publishWith } from "../../functions/publish.ts";
import type { JsonObject } from "../../src/json.ts";
import { CLOUD, type Run, type RunState } from "../../src/run.ts";
import { headColumns, recentColumns } from "../../src/stores/dynamodb/head.ts";
import { toItem } from "../../src/stores/dynamodb/item.ts";
import { headKey } from "../../src/stores/dynamodb/keys.ts";
import { invocation } from "./support.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const SCHEDULED: RunState = { type: "scheduled", start: NOW };
const CANCELLED: RunState = { type: "cancelled", cause: { type: "requested", message: "asked" } };

/** A head as the stream carries it. */
function image(id: string, state: RunState, revision: number) {
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
  return toItem({ ...headKey(id), ...set, ...recentColumns(run, "shard") });
}

function streamEvent(...records: readonly object[]): DynamoDBStreamEvent {
  return {
    Records: records.map((dynamodb, index) => ({
      eventName: "OldImage" in dynamodb ? "MODIFY" : "INSERT",
      dynamodb: { SequenceNumber: `s${index}`, ...dynamodb },
    })),
  };
}

/** A bus that refuses events after so many. */
function bus(takes = Number.POSITIVE_INFINITY) {
  const taken: JsonObject[] = [];
  const put = async (details: readonly JsonObject[]) => {
    const done = details.slice(0, takes);
    taken.push(...done);
    return done.length;
  };
  return { taken, put };
}

const changes = streamEvent(
  { NewImage: image("a", SCHEDULED, 1) },
  { NewImage: image("b", SCHEDULED, 1) },
  { NewImage: image("a", CANCELLED, 2), OldImage: image("a", SCHEDULED, 1) },
);

describe("the function publish", () => {
  test("tells the bus of each change of a state, in the order of the stream", async () => {
    const { put, taken } = bus();
    expect(await publishWith(() => put)(changes, invocation())).toEqual({ batchItemFailures: [] });
    expect(taken).toMatchObject([
      { run: { id: "a", state: "scheduled" }, revision: 1 },
      { run: { id: "b", state: "scheduled" }, revision: 1 },
      { run: { id: "a", state: "cancelled", final: true }, revision: 2, from: "scheduled" },
    ]);
  });

  test("reports the first change the bus has refused by its place in the stream", async () => {
    const answer = await publishWith(() => bus(1).put)(changes, invocation());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "s1" }] });
  });

  test.each([
    ["a body", { NewImage: toItem({ pk: "run#a", sk: "body#x", body: "{}" }) }],
    [
      "a write that leaves the state",
      {
        NewImage: image("a", { ...SCHEDULED, sent: NOW }, 2),
        OldImage: image("a", SCHEDULED, 1),
      },
    ],
    ["a run whose time is over", { OldImage: image("a", CANCELLED, 2) }],
  ])("says nothing of %s", async (_, record) => {
    const { put, taken } = bus();
    await publishWith(() => put)(streamEvent(record), invocation());
    expect(taken).toEqual([]);
  });
});
