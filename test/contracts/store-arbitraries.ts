import * as fc from "fast-check";
import type { JsonObject, JsonValue } from "../../src/json.ts";
import {
  type Cause,
  type CauseType,
  FINAL_STATES,
  type Job,
  type Launch,
  type RunState,
  type WaitingReason,
} from "../../src/run.ts";
import type { RunBody } from "../../src/store.ts";
import type { Timestamp } from "../../src/time.ts";

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
