import type { Job, Run, RunState } from "../../src/run.ts";

/** When the runs of `runIn` were made. */
export const T0 = "2026-11-21T12:00:00.000Z";
export const JOB: Job = { backend: "test", id: "job-1", ref: {} };
const LAUNCH = { agent: "here", target: "there", launch: 2, first: T0 };

/** A state of each kind; `searching` is `cancelling` without a job. */
export const STATES = {
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

/** The second launch of a run, in a state. */
export function runIn(state: RunState, since = T0): Run {
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
