import type { Job, Launch, RunState } from "../../src/run.ts";
import type { NewRun } from "../../src/store.ts";
import { plus, type Timestamp } from "../../src/time.ts";

/** The moment at which the runs of these tests are made, unless a test says otherwise. */
export const START: Timestamp = "2026-11-21T12:00:00.000Z";

let made = 0;

/** An id no other run of this process has. */
export function newRunId(): string {
  made += 1;
  return `run-${process.pid}-${made}`;
}

/** A run that waits for an agent since `START`, with whatever a test wants otherwise. */
export function newRun(parts: Partial<NewRun> = {}): NewRun {
  const id = parts.id ?? newRunId();
  return {
    name: `name-of-${id}`,
    flow: { name: "nightly-load", version: 3 },
    labels: ["gpu", "prod"],
    backend: "ecs",
    place: "cloud",
    createdAt: START,
    state: waiting(START),
    body: { received: { flow: "nightly-load" } },
    ...parts,
    id,
  };
}

/** Waits until a moment, when it becomes due. */
export function waiting(until: Timestamp, tries = 1): RunState {
  return { type: "waiting", reason: "no_agent", message: "no agent takes the run", until, tries };
}

/** Launched, and due when its lease is over. */
export function launching(launch: number, until: Timestamp = plus(START, 60_000)): RunState {
  return { type: "launching", ...launchOf(launch), by: "handler", until, tries: 0 };
}

/** Its job is known. */
export function submitted(launch: number): RunState {
  return { type: "submitted", ...launchOf(launch), job: JOB };
}

/** Over. */
export function succeeded(): RunState {
  return { type: "succeeded", cause: { type: "exit", message: "exit code 0", exitCode: 0 } };
}

function launchOf(launch: number): Launch {
  return { agent: "prod", target: "cluster", launch, first: START };
}

const JOB: Job = { backend: "ecs", id: "task/1", ref: { arn: "task/1" } };
