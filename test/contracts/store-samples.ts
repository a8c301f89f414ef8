import * as fc from "fast-check";
import type { JsonObject, JsonValue } from "../../src/json.ts";
import type { Cause, CauseType, Job, Launch, RunState, WaitingReason } from "../../src/run.ts";
import { FINAL_STATES } from "../../src/run.ts";
import type { NewRun, RunBody } from "../../src/store.ts";
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

/** Moments of this century, to the millisecond. */
export const moments: fc.Arbitrary<Timestamp> = fc
  .integer({ min: Date.parse("2001-01-01T00:00:00Z"), max: Date.parse("2099-12-31T00:00:00Z") })
  .map((ms) => new Date(ms).toISOString());

/** Any text that UTF-8 can say. */
export const texts = fc.string({ unit: "binary", maxLength: 12 });

/** Texts that are the name of something. */
export const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });

/** Any value that JSON text can hold. */
export const jsonValues: fc.Arbitrary<JsonValue> = fc
  .jsonValue({ maxDepth: 3, stringUnit: "binary" })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue);

const jsonObjects: fc.Arbitrary<JsonObject> = fc
  .dictionary(texts, jsonValues, { maxKeys: 3 })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);

const jobs: fc.Arbitrary<Job> = record(
  { backend: names, id: texts, ref: jsonObjects, url: texts },
  ["url"],
);

const launches: fc.Arbitrary<Launch> = fc.record(
  { agent: names, target: texts, launch: fc.integer({ min: 1, max: 9 }), first: moments },
  { noNullPrototype: true },
);

const CAUSE_TYPES: readonly CauseType[] = [
  "exit",
  "killed",
  "out_of_memory",
  "reclaimed",
  "infrastructure",
  "start_failed",
  "image",
  "lost",
  "rejected",
  "invalid",
  "abandoned",
  "requested",
  "deadline",
];

const causes: fc.Arbitrary<Cause> = record(
  {
    type: fc.constantFrom(...CAUSE_TYPES),
    message: texts,
    exitCode: fc.integer({ min: 0, max: 255 }),
    signal: texts,
  },
  ["exitCode", "signal"],
);

const WAITING_REASONS: readonly WaitingReason[] = ["no_agent", "agent", "capacity", "throttled"];

/** Every state a run can be in, by its type; the final ones together. */
export const statesByType = {
  scheduled: record({ type: fc.constant("scheduled"), start: moments, sent: moments }, ["sent"]),
  waiting: record(
    {
      type: fc.constant("waiting"),
      reason: fc.constantFrom(...WAITING_REASONS),
      message: texts,
      until: moments,
      tries: fc.nat(30),
      sent: moments,
      agent: names,
      pending: launches,
    },
    ["sent", "agent", "pending"],
  ),
  launching: withLaunch(
    record(
      {
        type: fc.constant("launching"),
        by: texts,
        until: moments,
        tries: fc.nat(30),
        sent: moments,
      },
      ["sent"],
    ),
  ),
  submitted: withLaunch(record({ type: fc.constant("submitted"), job: jobs }, [])),
  running: withLaunch(
    record({ type: fc.constant("running"), job: jobs, startedAt: moments }, ["startedAt"]),
  ),
  cancelling: withLaunch(
    record({ type: fc.constant("cancelling"), until: moments, misses: fc.nat(9), job: jobs }, [
      "job",
    ]),
  ),
  final: record(
    {
      type: fc.constantFrom(...FINAL_STATES),
      cause: causes,
      agent: names,
      target: texts,
      launch: fc.integer({ min: 1, max: 9 }),
      job: jobs,
      startedAt: moments,
    },
    ["agent", "target", "launch", "job", "startedAt"],
  ),
} as const satisfies Readonly<Record<string, fc.Arbitrary<RunState>>>;

/** Any state. */
export const states: fc.Arbitrary<RunState> = fc.oneof(...Object.values(statesByType));

/** Bodies with anything in what was received, with and without a request. */
export const bodies: fc.Arbitrary<RunBody> = record(
  {
    received: jsonValues,
    request: record(
      {
        flow: record({ name: names, version: fc.nat(99), parameters: jsonObjects }, [
          "version",
          "parameters",
        ]),
        runConfig: jsonObjects,
        labels: fc.array(texts, { maxLength: 3 }),
        parameters: jsonObjects,
        scheduledStart: moments,
      },
      ["scheduledStart"],
    ),
  },
  ["request"],
);

type WithOptional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/** An object of these members, of which it may lack the ones that are `optional`. */
function record<T extends object, const K extends keyof T = never>(
  members: { [M in keyof T]: fc.Arbitrary<T[M]> },
  optional: readonly K[],
): fc.Arbitrary<WithOptional<T, K>> {
  const keys = Object.keys(members) as (keyof T)[];
  const requiredKeys = keys.filter((key) => !optional.some((other) => other === key));
  return fc.record<T, keyof T>(members, { requiredKeys, noNullPrototype: true });
}

function withLaunch<T extends object>(part: fc.Arbitrary<T>): fc.Arbitrary<Launch & T> {
  return fc.tuple(launches, part).map(([launch, rest]) => ({ ...launch, ...rest }));
}
