import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueAt } from "../../../src/due.ts";
import { isFinal, type Job, type Run, type RunState } from "../../../src/run.ts";
import { headColumns, recentColumns, runOf } from "../../../src/stores/dynamodb/head.ts";
import { bodyHash, headKey, recentShard } from "../../../src/stores/dynamodb/keys.ts";
import { names, states } from "../../contracts/store-arbitraries.ts";
import { START } from "../../contracts/store-samples.ts";

const ID = "3f0c9c3e-6f6e-4b0e-9d59-0d4b7a2f8f10";
const CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";
const TASK = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

const RUN: Run = {
  id: ID,
  name: "brave-otter",
  flow: { name: "nightly-load", version: 3 },
  labels: ["prod"],
  backend: "ecs",
  place: "cloud",
  state: { type: "scheduled", start: START },
  since: START,
  createdAt: START,
  launches: 0,
  revision: 1,
};

/** The item of a head. */
function itemOf(run: Run, keepDays?: number) {
  return {
    ...headKey(run.id),
    ...headColumns(run, keepDays).set,
    ...recentColumns(run, recentShard(run.createdAt, run.id)),
    body: bodyHash("{}"),
    write: ID,
  };
}

/** What DynamoDB counts: names and values in UTF-8, about half a byte a digit of numbers. */
function bytesOf(item: object): number {
  return Object.entries(item)
    .map(([name, value]) => Buffer.byteLength(name) + Buffer.byteLength(String(value)))
    .reduce((a, b) => a + b, 0);
}

describe("a head", () => {
  it("comes back from its item as it was", () => {
    fc.assert(
      fc.property(states, names, fc.array(names), (state, name, labels) => {
        const run = { ...RUN, state, name, labels };
        expect(runOf(itemOf(run))).toStrictEqual(run);
      }),
    );
  });

  it("is in the index of due runs as long as it is not final", () => {
    fc.assert(
      fc.property(states, (state) => {
        const { set, remove } = headColumns({ ...RUN, state }, 30);
        expect(set["due_at"]).toBe(dueAt(state, START));
        expect("due_shard" in set).toBe(!isFinal(state));
        expect(remove).toStrictEqual(isFinal(state) ? ["due_shard", "due_at"] : []);
      }),
    );
  });

  it("expires so many days after its end, in seconds, and never before", () => {
    fc.assert(
      fc.property(states, (state) => {
        const { set } = headColumns({ ...RUN, state }, 30);
        const end = Date.parse(START) / 1_000 + 30 * 86_400;
        expect(set["expires_at"]).toBe(isFinal(state) ? end : undefined);
        expect(headColumns({ ...RUN, state }, undefined).set["expires_at"]).toBeUndefined();
      }),
    );
  });

  const launch = { agent: "prod", target: CLUSTER, launch: 1, first: START };
  const job: Job = {
    backend: "ecs",
    id: TASK,
    url: "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/0123456789abcdef0123456789abcdef",
    ref: {
      cluster: CLUSTER,
      region: "eu-west-1",
      task: TASK,
      container: "flow",
      startedBy: ID.slice(0, 36),
    },
  };
  const cause = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
  const heads: readonly (readonly [string, RunState, number])[] = [
    ["scheduled", RUN.state, 1],
    [
      "waiting",
      {
        type: "waiting",
        reason: "capacity",
        message: "RESOURCE:MEMORY".repeat(8),
        until: START,
        tries: 3,
        pending: launch,
      },
      1,
    ],
    ["launching", { type: "launching", ...launch, by: ID, until: START, tries: 0 }, 1],
    ["submitted", { type: "submitted", ...launch, job }, 2],
    ["running", { type: "running", ...launch, job, startedAt: START }, 2],
    [
      "succeeded",
      {
        type: "succeeded",
        cause,
        agent: "prod",
        target: CLUSTER,
        launch: 1,
        job,
        startedAt: START,
      },
      2,
    ],
  ];
  it.each(heads)("takes few units of 1 KiB to write: %s", (_, state, units) => {
    const bytes = bytesOf(itemOf({ ...RUN, state }, 30));
    expect(Math.ceil(bytes / 1_024)).toBe(units);
    expect(bytes).toBeLessThan(1_400);
  });
});
