import { describe, expect, test } from "vitest";
import { publishWith } from "../../functions/publish.ts";
import { type PublisherParts, publisherOf } from "../../src/aws/publisher.ts";
import type { JsonObject } from "../../src/json.ts";
import { silentLogger } from "../../src/log.ts";
import type { RunState } from "../../src/run.ts";
import { type Item, toItem } from "../../src/stores/dynamodb/item.ts";
import { headImage, streamEvent } from "./heads.ts";
import { invocation } from "./support.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const SCHEDULED: RunState = { type: "scheduled", start: NOW };
const CANCELLED: RunState = { type: "cancelled", cause: { type: "requested", message: "asked" } };

/** A bus that refuses events after so many, and a table that does not take the ends of some bodies. */
function outside({ takes = Number.POSITIVE_INFINITY, refuses = [] as readonly string[] } = {}) {
  const taken: JsonObject[] = [];
  const ended: Item[] = [];
  return {
    taken,
    ended,
    async put(details: readonly JsonObject[]) {
      const done = details.slice(0, takes);
      taken.push(...done);
      return done.length;
    },
    async endBody(head: Item) {
      if (refuses.includes(String(head["pk"]))) throw new Error("too often");
      ended.push(head);
    },
  };
}

/** The function, with all it does going outside. */
function publishTo(parts: Omit<PublisherParts, "log">) {
  return publishWith(() => publisherOf({ ...parts, log: silentLogger }));
}

const changes = streamEvent(
  { NewImage: headImage("a", SCHEDULED, 1) },
  { NewImage: headImage("b", SCHEDULED, 1) },
  { NewImage: headImage("a", CANCELLED, 2), OldImage: headImage("a", SCHEDULED, 1) },
);

describe("the function publish", () => {
  test("tells the bus of each change of a state, in the order of the stream", async () => {
    const all = outside();
    expect(await publishTo(all)(changes, invocation())).toEqual({ batchItemFailures: [] });
    expect(all.taken).toMatchObject([
      { run: { id: "a", state: "scheduled" }, revision: 1 },
      { run: { id: "b", state: "scheduled" }, revision: 1 },
      { run: { id: "a", state: "cancelled", final: true }, revision: 2, from: "scheduled" },
    ]);
  });

  test("reports the first change the bus has refused by its place in the stream", async () => {
    const answer = await publishTo(outside({ takes: 1 }))(changes, invocation());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "s1" }] });
  });

  test("hands over each head as it is, so that its body ends with it", async () => {
    const { ended, ...all } = outside();
    await publishTo(all)(changes, invocation());
    expect(ended.map(({ pk, body, revision }) => [pk, body, revision])).toEqual([
      ["run#a", "hash of a", 1],
      ["run#b", "hash of b", 1],
      ["run#a", "hash of a", 2],
    ]);
    expect(ended.map((head) => "expires_at" in head)).toEqual([false, false, true]);
  });

  test("tells of nothing that follows a body it could not end: all of that comes again", async () => {
    const all = outside({ refuses: ["run#b"] });
    const answer = await publishTo(all)(changes, invocation());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "s1" }] });
    expect(all.taken).toMatchObject([{ run: { id: "a" }, revision: 1 }]);
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
    const all = outside();
    await publishTo(all)(streamEvent(record), invocation());
    expect([all.taken, all.ended]).toEqual([[], []]);
  });
});
