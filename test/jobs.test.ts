import { expect, test } from "vitest";
import { cancel } from "../src/cancel.ts";
import { isOverIn } from "../src/jobs.ts";
import { MINUTE } from "../src/time.ts";
import { testApp } from "./fakes/app.ts";
import { deliver, stateOf, tick } from "./fakes/one-run.ts";

test("a launch is over once its run has ended, or was launched anew; of a run nobody knows none is", async () => {
  const t = testApp();
  const isOver = isOverIn(t.app.store);
  t.platform.behave({ type: "refuse" });
  await deliver(t);
  expect(await isOver("r1", 1)).toBe(false);
  t.clock.pass(MINUTE);
  await tick(t);
  expect(await stateOf(t)).toMatchObject({ type: "submitted", launch: 2 });
  expect([await isOver("r1", 1), await isOver("r1", 2)]).toEqual([true, false]);
  await cancel(t.app, "r1");
  expect(await isOver("r1", 2)).toBe(false);
  t.platform.set("r1", {
    type: "ended",
    end: "failed",
    cause: { type: "killed", message: "killed", signal: "SIGTERM" },
  });
  await tick(t);
  expect(await isOver("r1", 2)).toBe(true);
  expect(await isOver("nobody", 1)).toBe(false);
});
