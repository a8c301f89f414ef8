import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoff, dueAt, LONGEST_LOOK_MS, looks } from "../src/due.ts";
import { MINUTE, plus, SECOND } from "../src/time.ts";
import { runIn, STATES, T0 } from "./fakes/run-states.ts";

describe("when a run is due", () => {
  test.each([
    ["scheduled", plus(T0, -10 * MINUTE)],
    ["waiting", T0],
    ["launching", T0],
    ["submitted", plus(T0, SECOND)],
    ["running", plus(T0, SECOND)],
    ["cancelling", plus(T0, SECOND)],
    ["searching", T0],
    ["failed", undefined],
  ] as const)("a %s run is due at %s", (state, due) => {
    expect(dueAt(STATES[state], plus(T0, SECOND))).toBe(due);
  });

  test("a run that was sent is due again when its message must be lost", () => {
    const sent = plus(T0, -MINUTE);
    expect(dueAt({ ...STATES.scheduled, sent }, T0)).toBe(plus(T0, 2 * MINUTE));
    expect(dueAt({ ...STATES.waiting, sent }, T0)).toBe(plus(T0, MINUTE));
    expect(dueAt({ ...STATES.launching, sent }, T0)).toBe(plus(T0, MINUTE));
  });

  test("a job is looked at in one of any four ticks, whatever its age", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 0, max: 5_000 }), (id, ageMinutes) => {
        const run = { ...runIn(STATES.running), id };
        const now = plus(T0, ageMinutes * MINUTE);
        expect(LONGEST_LOOK_MS).toBe(4 * MINUTE);
        const seen = Array.from({ length: 4 }, (_, index) => looks(run, plus(now, index * MINUTE)));
        expect(seen).toContain(true);
      }),
    );
  });

  test("young jobs are looked at in every tick and old ones in few", () => {
    const run = runIn(STATES.running);
    const share = (from: number) =>
      Array.from({ length: 80 }, (_, index) =>
        looks(run, plus(T0, (from + index) * MINUTE)),
      ).filter(Boolean).length;
    expect(Array.from({ length: 10 }, (_, m) => looks(run, plus(T0, m * MINUTE)))).not.toContain(
      false,
    );
    expect(share(20)).toBe(30);
    expect(share(100)).toBe(20);
    expect(share(500)).toBe(20);
  });

  test("the next try comes later and later, and never later than a quarter of an hour", () => {
    expect([0, 1, 2, 3].map((tries) => backoff(tries, 1))).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(backoff(50, 1)).toBe(15 * MINUTE);
    expect(backoff(5, 0)).toBe(SECOND);
  });
});
