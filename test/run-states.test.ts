import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoff, dueAt, LONGEST_LOOK_MS, looks } from "../src/due.ts";
import { exited } from "../src/exit.ts";
import { move } from "../src/move.ts";
import {
  agentOf,
  FINAL_STATES,
  isFinal,
  type Job,
  type JobStatus,
  type Run,
  type RunState,
} from "../src/run.ts";
import { MISSING_GRACE_MS, stateAfter } from "../src/state-after.ts";
import { MINUTE, plus, SECOND } from "../src/time.ts";
import { isTransition, TRANSITIONS } from "../src/transitions.ts";
import { testApp } from "./fakes/app.ts";

const T0 = "2026-11-21T12:00:00.000Z";
const JOB: Job = { backend: "test", id: "job-1", ref: {} };
const LAUNCH = { agent: "here", target: "there", launch: 2, first: T0 };
const EXIT_0: JobStatus = { type: "ended", ...exited(0) };
const EXIT_3: JobStatus = { type: "ended", ...exited(3) };
const KILLED: JobStatus = { type: "ended", ...exited(143) };

const STATES = {
  scheduled: { type: "scheduled", start: T0 },
  waiting: {
    type: "waiting",
    reason: "throttled",
    message: "later",
    until: T0,
    tries: 1,
    pending: LAUNCH,
  },
  launching: { type: "launching", ...LAUNCH, by: "me", until: T0, tries: 0 },
  submitted: { type: "submitted", ...LAUNCH, job: JOB },
  running: { type: "running", ...LAUNCH, job: JOB, startedAt: T0 },
  cancelling: { type: "cancelling", ...LAUNCH, job: JOB, until: T0, misses: 0 },
  searching: { type: "cancelling", ...LAUNCH, until: T0, misses: 0 },
  failed: { type: "failed", cause: { type: "exit", message: "exit code 3", exitCode: 3 } },
} satisfies Record<string, RunState>;

function runIn(state: RunState, since = T0): Run {
  return {
    id: "r1",
    name: "brave-otter",
    flow: { name: "load" },
    labels: [],
    backend: "any",
    place: "cloud",
    state,
    since,
    createdAt: T0,
    launches: 2,
    revision: 3,
  };
}

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

describe("the table of transitions", () => {
  test("leads out of every state that is not final, and out of no final one", () => {
    const sources = new Set(TRANSITIONS.map(([from]) => from));
    for (const state of Object.values(STATES)) {
      expect(sources.has(state.type)).toBe(!isFinal(state));
    }
    for (const state of FINAL_STATES) expect(sources.has(state)).toBe(false);
  });

  test("has no row twice", () => {
    const rows = TRANSITIONS.map((row) => row.join());
    expect(new Set(rows).size).toBe(rows.length);
  });

  test("knows how a run begins", () => {
    expect(isTransition(undefined, "create", STATES.scheduled)).toBe(true);
    expect(isTransition(undefined, "create", STATES.running)).toBe(false);
  });

  test("stops whoever tries what it does not allow", async () => {
    const { app } = testApp();
    await expect(
      move(app, runIn(STATES.failed), { event: "launch", next: STATES.launching }),
    ).rejects.toThrow('a run cannot go from failed by "launch" to launching');
  });
});

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

describe("how a process ended", () => {
  test.each([
    [0, "succeeded", { type: "exit", message: "exit code 0", exitCode: 0 }],
    [3, "failed", { type: "exit", message: "exit code 3", exitCode: 3 }],
    [
      137,
      "failed",
      {
        type: "killed",
        message: "ended by SIGKILL (exit code 137)",
        exitCode: 137,
        signal: "SIGKILL",
      },
    ],
    [
      139,
      "failed",
      {
        type: "exit",
        message: "ended by SIGSEGV (exit code 139)",
        exitCode: 139,
        signal: "SIGSEGV",
      },
    ],
    [255, "failed", { type: "exit", message: "exit code 255", exitCode: 255 }],
  ] as const)("with code %i is %s", (code, end, cause) => {
    expect(exited(code)).toEqual({ end, cause });
  });
});

test("a state names its agent if it has one", () => {
  expect(agentOf(STATES.running)).toBe("here");
  expect(agentOf(STATES.scheduled)).toBeUndefined();
});
