import { describe, expect, test } from "vitest";
import { abandonWith } from "../../functions/abandon.ts";
import { dispatchWith } from "../../functions/dispatch.ts";
import type { App } from "../../src/app.ts";
import type { NewRun } from "../../src/store.ts";
import { testApp } from "../fakes/app.ts";
import { invocation, RUN, sqsEvent } from "./support.ts";

/** An app whose store does not answer for some runs. */
function failing(app: App, ids: readonly string[]): App {
  const create = async (run: NewRun) => {
    if (ids.includes(run.id)) throw new Error("the table does not answer");
    return app.store.create(run);
  };
  return { ...app, store: { ...app.store, create } };
}

const asked = (...ids: string[]) =>
  sqsEvent(Object.fromEntries(ids.map((id) => [`m-${id}`, { ...RUN, run_id: id }])));

describe("the function dispatch", () => {
  test("launches every run of a batch and reports no failure", async () => {
    const { app, platform } = testApp();
    const answer = await dispatchWith(async () => app)(asked("a", "b", "c"), invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(platform.started).toHaveLength(3);
    expect((await app.store.get("b"))?.state.type).toBe("submitted");
  });

  test("reports the message whose handling threw by its id, and no other", async () => {
    const { app } = testApp();
    const handler = dispatchWith(async () => failing(app, ["b"]));
    const answer = await handler(asked("a", "b", "c"), invocation());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "m-b" }] });
    expect(await app.store.get("a")).toBeDefined();
    expect(await app.store.get("c")).toBeDefined();
  });

  test("reports every message when all of them failed", async () => {
    const { app } = testApp();
    const handler = dispatchWith(async () => failing(app, ["a", "b"]));
    const answer = await handler(asked("a", "b"), invocation());
    expect(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([
      "m-a",
      "m-b",
    ]);
  });

  test("throws when the app cannot be opened, so that the whole batch comes again", async () => {
    const handler = dispatchWith(async () => {
      throw new Error("no table");
    });
    await expect(handler(asked("a"), invocation())).rejects.toThrow("no table");
  });

  test("reports what is not done shortly before the invocation ends", async () => {
    const { app } = testApp();
    const create = (run: NewRun) =>
      run.id === "slow" ? new Promise<never>(() => undefined) : app.store.create(run);
    const slow = { ...app, store: { ...app.store, create } };
    const handler = dispatchWith(async () => slow);
    const answer = await handler(asked("a", "slow"), invocation(2_500));
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "m-slow" }] });
  });

  test("does not lose a message that failed beside one of the same id that did not", async () => {
    const { app } = testApp();
    const both = { Records: [...asked("a").Records, ...asked("b").Records] };
    const same = { Records: both.Records.map((record) => ({ ...record, messageId: "m" })) };
    const answer = await dispatchWith(async () => failing(app, ["b"]))(same, invocation());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "m" }] });
  });

  test("handles a message that is no JSON: its run is stored with the reason", async () => {
    const { app } = testApp();
    const answer = await dispatchWith(async () => app)(sqsEvent({ "m-1": "{" }), invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect((await app.store.get("m-1"))?.state).toMatchObject({ cause: { type: "invalid" } });
  });
});

describe("the function abandon", () => {
  test("stores the runs of dead messages as abandoned", async () => {
    const { app } = testApp();
    const answer = await abandonWith(async () => app)(asked("a"), invocation());
    expect(answer).toEqual({ batchItemFailures: [] });
    expect((await app.store.get("a"))?.state).toMatchObject({
      type: "crashed",
      cause: { type: "abandoned" },
    });
  });

  test("reports a dead message it could not keep, so that it goes to the last queue", async () => {
    const { app } = testApp();
    const answer = await abandonWith(async () => failing(app, ["a"]))(asked("a"), invocation());
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "m-a" }] });
  });
});
