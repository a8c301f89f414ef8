import { describe, expect, test } from "vitest";
import { dispatchWith } from "../../functions/dispatch.ts";
import { observeWith } from "../../functions/observe.ts";
import { testApp } from "../fakes/app.ts";
import { invocation, RUN, sqsEvent } from "./support.ts";

const CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/default";

function taskEvent(detail: Readonly<Record<string, unknown>>) {
  return {
    version: "0",
    id: "8f0b6f0c-2f7e-4a3c-9a39-7d3c4e8b1a11",
    "detail-type": "ECS Task State Change",
    source: "aws.ecs",
    account: "123456789012",
    time: "2026-11-21T12:00:00Z",
    region: "eu-west-1",
    resources: [],
    detail: {
      clusterArn: CLUSTER,
      taskArn: "arn:aws:ecs:eu-west-1:123456789012:task/default/0f1e2d3c4b5a46978877665544332211",
      startedBy: "sluice/a/1",
      lastStatus: "STOPPED",
      containers: [{ name: "flow", exitCode: 0 }],
      ...detail,
    },
  };
}

async function submitted() {
  const test = testApp();
  await dispatchWith(async () => test.app)(sqsEvent({ m: { ...RUN, run_id: "a" } }), invocation());
  return test.app;
}

describe("the function observe", () => {
  test("ends a run by the event of its task", async () => {
    const app = await submitted();
    const answer = await observeWith(async () => app)(sqsEvent({ e: taskEvent({}) }), invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect((await app.store.get("a"))?.state).toMatchObject({ type: "succeeded" });
  });

  test.each([
    ["a task somebody else has started", { startedBy: "ecs-svc/1" }],
    ["a task of a run it does not know", { startedBy: "sluice/b/1" }],
    ["a launch that is not the run's current one", { startedBy: "sluice/a/2" }],
  ])("changes nothing for %s", async (_, detail) => {
    const app = await submitted();
    const event = sqsEvent({ e: taskEvent(detail) });
    expect(await observeWith(async () => app)(event, invocation())).toEqual({
      batchItemFailures: [],
    });
    expect((await app.store.get("a"))?.state.type).toBe("submitted");
  });

  test("takes what is of its own installation alone", async () => {
    const app = await submitted();
    const take = observeWith(async () => ({ ...app, installation: "sluice-dev" }));
    const type = async () => (await app.store.get("a"))?.state.type;
    await take(sqsEvent({ e: taskEvent({}) }), invocation());
    await take(sqsEvent({ e: taskEvent({ startedBy: "sluice/other/a/1" }) }), invocation());
    expect(await type()).toBe("submitted");
    await take(sqsEvent({ e: taskEvent({ startedBy: "sluice/sluice-dev/a/1" }) }), invocation());
    expect(await type()).toBe("succeeded");
  });

  test.each([
    ["text that is not JSON", "no JSON"],
    ["null", null],
    ["a task without its parts", taskEvent({ containers: 7 })],
  ])("drops what it cannot read, and says so: %s", async (_, bad) => {
    const { app, lines } = testApp();
    const event = sqsEvent({ bad, good: taskEvent({}) });
    expect(await observeWith(async () => app)(event, invocation())).toEqual({
      batchItemFailures: [],
    });
    expect(lines).toContainEqual({
      level: "error",
      message: "event dropped: it cannot be read",
      fields: { reason: expect.any(String) },
    });
  });

  test("reports an event whose run cannot be read now", async () => {
    const { app } = testApp();
    const get = async () => Promise.reject(new Error("the table does not answer"));
    const failing = { ...app, agents: app.agents, store: { ...app.store, get } };
    const event = sqsEvent({ e: taskEvent({}) });
    expect(await observeWith(async () => failing)(event, invocation())).toEqual({
      batchItemFailures: [{ itemIdentifier: "e" }],
    });
  });
});
