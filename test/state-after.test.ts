import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exited } from "../src/exit.ts";
import type { Job, JobStatus, RunState } from "../src/run.ts";
import { MISSING_GRACE_MS, stateAfter } from "../src/state-after.ts";
import { MINUTE, plus, SECOND } from "../src/time.ts";
import { isTransition } from "../src/transitions.ts";
import { JOB, runIn, STATES, T0 } from "./fakes/run-states.ts";

const EXIT_0: JobStatus = { type: "ended", ...exited(0) };
const EXIT_3: JobStatus = { type: "ended", ...exited(3) };
const KILLED: JobStatus = { type: "ended", ...exited(143) };

function after(state: keyof typeof STATES, status: JobStatus, age = 0, launch = 2) {
  return stateAfter(runIn(STATES[state]), { launch, job: JOB, status }, plus(T0, age))?.type;
}

describe("the state after an observation", () => {
  test.each([
    ["launching", "pending", "submitted"],
    ["launching", "running", "running"],
    ["submitted", "pending", undefined],
    ["submitted", "running", "running"],
    ["running", "pending", undefined],
    ["running", "running", undefined],
    ["waiting", "pending", "submitted"],
    ["waiting", "running", "running"],
    ["searching", "pending", "cancelling"],
    ["searching", "running", "cancelling"],
    ["cancelling", "pending", undefined],
    ["cancelling", "running", undefined],
    ["scheduled", "running", undefined],
    ["failed", "running", undefined],
  ] as const)("of a %s run whose job is %s is %s", (state, type, next) => {
    expect(after(state, { type })).toBe(next);
  });

  test.each([
    ["launching", EXIT_0, "succeeded"],
    ["submitted", EXIT_3, "failed"],
    ["running", KILLED, "failed"],
    ["waiting", EXIT_0, "succeeded"],
    ["cancelling", EXIT_0, "succeeded"],
    ["cancelling", EXIT_3, "failed"],
    ["cancelling", KILLED, "cancelled"],
    ["searching", KILLED, "cancelled"],
    ["scheduled", EXIT_0, undefined],
    ["failed", EXIT_0, undefined],
  ] as const)("of a %s run whose job has ended with %j is %s", (state, status, next) => {
    expect(after(state, status)).toBe(next);
  });

  test("is cancelled where the platform itself says so", () => {
    const cause = { type: "infrastructure", message: "stopped" } as const;
    expect(after("cancelling", { type: "ended", end: "cancelled", cause })).toBe("cancelled");
  });

  test("of a job its platform does not know is decided by age", () => {
    const missing = { type: "missing" } as const;
    for (const state of ["submitted", "running"] as const) {
      expect(after(state, missing, MISSING_GRACE_MS - 1)).toBeUndefined();
      expect(after(state, missing, MISSING_GRACE_MS)).toBe("crashed");
    }
    expect(after("cancelling", missing, MISSING_GRACE_MS - 1)).toBeUndefined();
    expect(after("cancelling", missing, MISSING_GRACE_MS)).toBe("cancelled");
    expect(after("launching", missing, 2 * MISSING_GRACE_MS)).toBeUndefined();
    expect(after("waiting", missing, 2 * MISSING_GRACE_MS)).toBeUndefined();
  });

  test("is unchanged by an observation of another launch", () => {
    for (const state of Object.keys(STATES) as (keyof typeof STATES)[]) {
      expect(after(state, EXIT_0, 0, 1)).toBeUndefined();
    }
    const free = { ...STATES.waiting, pending: undefined } as unknown as RunState;
    const observation = { launch: 2, job: JOB, status: EXIT_0 };
    expect(stateAfter(runIn(free), observation, T0)).toBeUndefined();
  });

  test("keeps the job as its launch named it, for an event may tell less of it", () => {
    const job = { ...JOB, url: undefined, ref: { from: "event" } } as unknown as Job;
    for (const state of ["submitted", "running", "cancelling"] as const) {
      const next = stateAfter(runIn(STATES[state]), { launch: 2, job, status: EXIT_0 }, T0);
      expect(next).toMatchObject({ job: JOB });
    }
    const found = stateAfter(runIn(STATES.searching), { launch: 2, job, status: EXIT_0 }, T0);
    expect(found).toMatchObject({ job: { ref: { from: "event" } } });
  });

  test("keeps when the job started", () => {
    const observation = { launch: 2, job: JOB, status: EXIT_0 };
    expect(stateAfter(runIn(STATES.running), observation, T0)).toMatchObject({ startedAt: T0 });
    const started = { type: "running", startedAt: plus(T0, SECOND) } as const;
    expect(
      stateAfter(runIn(STATES.submitted), { launch: 2, job: JOB, status: started }, T0),
    ).toMatchObject({ startedAt: plus(T0, SECOND) });
  });

  const status = fc.constantFrom<JobStatus>({ type: "pending" }, { type: "running" }, EXIT_0, {
    type: "missing",
  });

  test("ends the same for every order of the same observations, however often they come", () => {
    fc.assert(
      fc.property(fc.array(status, { maxLength: 8 }), (statuses) => {
        const end = (order: readonly JobStatus[]) =>
          order.reduce<RunState>(
            (state, next) =>
              stateAfter(runIn(state), { launch: 2, job: JOB, status: next }, T0) ?? state,
            STATES.launching,
          ).type;
        expect(end(statuses.toReversed())).toBe(end(statuses));
        expect(end([...statuses, ...statuses])).toBe(end(statuses));
      }),
    );
  });

  test("is always one that the table of transitions allows", () => {
    const state = fc.constantFrom(...Object.values(STATES));
    const age = fc.integer({ min: 0, max: 10 * MINUTE });
    fc.assert(
      fc.property(state, status, age, (from, seen, ms) => {
        const observation = { launch: 2, job: JOB, status: seen };
        const to = stateAfter(runIn(from), observation, plus(T0, ms));
        if (to !== undefined) expect(isTransition(from, "observe", to)).toBe(true);
      }),
    );
  });
});
