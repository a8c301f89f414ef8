import { describe, expect, test } from "vitest";
import { pollWith } from "../../functions/poll.ts";
import { testApp } from "../fakes/app.ts";
import { invocation } from "./support.ts";

const TICK = {
  version: "0",
  id: "1",
  account: "123456789012",
  time: "2026-11-21T12:00:00Z",
  region: "eu-west-1",
  resources: [],
  source: "aws.events",
  "detail-type": "Scheduled Event",
  detail: {},
} as const;

describe("the function poll", () => {
  test("sends the message of a run whose start has come", async () => {
    const { app, queue, clock } = testApp();
    await app.store.create({
      id: "a",
      name: "a",
      flow: { name: "hello" },
      labels: [],
      backend: "any",
      place: "cloud",
      createdAt: clock.now().toISOString(),
      state: { type: "scheduled", start: clock.now().toISOString() },
      body: { received: {} },
    });
    await pollWith(async () => app)({ ...TICK, resources: [] }, invocation());
    expect((await queue.receive(10)).map(({ body }) => body)).toEqual(['{"run_id":"a"}']);
  });

  test("takes no more time than its invocation has, less what one page of runs may take", async () => {
    const asked: number[] = [];
    const { app } = testApp({
      timeout: (ms) => {
        asked.push(ms);
        return new AbortController().signal;
      },
    });
    await pollWith(async () => app)({ ...TICK, resources: [] }, invocation(55_000));
    expect(asked).toEqual([40_000]);
  });
});
