import { describe, expect, test } from "vitest";
import { publishWith } from "../../functions/publish.ts";
import type { JsonObject } from "../../src/json.ts";
import type { RunState } from "../../src/run.ts";
import { toItem } from "../../src/stores/dynamodb/item.ts";
import { headImage, streamEvent } from "./heads.ts";
import { invocation } from "./support.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const SCHEDULED: RunState = { type: "scheduled", start: NOW };
const CANCELLED: RunState = { type: "cancelled", cause: { type: "requested", message: "asked" } };

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
  { NewImage: headImage("a", SCHEDULED, 1) },
  { NewImage: headImage("b", SCHEDULED, 1) },
  { NewImage: headImage("a", CANCELLED, 2), OldImage: headImage("a", SCHEDULED, 1) },
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
        NewImage: headImage("a", { ...SCHEDULED, sent: NOW }, 2),
        OldImage: headImage("a", SCHEDULED, 1),
      },
    ],
    ["a run whose time is over", { OldImage: headImage("a", CANCELLED, 2) }],
  ])("says nothing of %s", async (_, record) => {
    const { put, taken } = bus();
    await publishWith(() => put)(streamEvent(record), invocation());
    expect(taken).toEqual([]);
  });
});
