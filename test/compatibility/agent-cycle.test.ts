import { describe, expect, it } from "vitest";
import type { App } from "../../src/app.ts";
import type { Backend } from "../../src/backend.ts";
import { dispatch } from "../../src/dispatch.ts";
import { PermanentError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import { poll } from "../../src/poll.ts";
import type { Message } from "../../src/queue.ts";
import { isFinal } from "../../src/run.ts";
import { MINUTE } from "../../src/time.ts";
import { thrownBy } from "../contracts/backend-steps.ts";
import { type TestApp, testApp } from "../fakes/app.ts";
import { comparison, readVectors } from "./compare.ts";
import { exclusionsOf } from "./coverage.ts";

interface CycleVector {
  readonly name: string;
  readonly flow_run: {
    readonly id: string;
    readonly serialized_state: { readonly start_time: string };
  };
  readonly deploy: { readonly fails?: string };
  /** What the API says to a change of state. */
  readonly refuse?: { readonly text: string };
  readonly expect: {
    readonly error?: JsonObject;
    readonly calls: readonly {
      readonly op: string;
      readonly state?: string;
      readonly message_has?: readonly string[];
    }[];
  };
}

const excluded = new Set(exclusionsOf("agent_cycle").flatMap(({ vectors }) => vectors));
const vectors = readVectors<CycleVector>("agent_cycle", ({ name }) => !excluded.has(name));
const recorded = comparison("agent_cycle");

/** Vectors were recorded at noon of another day. */
const RECORDED_AT = Date.parse("2022-05-01T12:00:00Z");

/**
 * One run handed to a dispatcher whose store and backend behave as the case says. Compared is whether the
 * backend was asked to start it, and how often; whether an error escapes, so that the message comes again;
 * and whether the run has failed in the end, with which words.
 */
describe("a run handed to its agent", () => {
  it.each(vectors)("$name goes as with Prefect 1.4.1", async (vector) => {
    recorded.compare(vector.name, expectedOf(vector), await handed(vector, "for good"));
  });

  it.each(
    vectors.filter(({ deploy, flow_run }) => deploy.fails !== undefined && flow_run.id !== ""),
  )(
    "$name ends with the same words half an hour later, where the backend fails in a way that may pass",
    async (vector) => {
      const once = await handed(vector, "for good");
      const { starts, ...kept } = await handed(vector, "as if it passed");
      expect({ ...once, ...kept }).toEqual(once);
      expect(Number(starts)).toBeGreaterThanOrEqual(Number(once["starts"]));
    },
  );
});

function expectedOf({ expect: { calls, error }, refuse }: CycleVector): JsonObject {
  const failed = calls.find(({ op, state }) => op === "set_flow_run_state" && state === "Failed");
  return {
    starts: calls.filter(({ op }) => op === "deploy").length,
    escapes: error !== undefined,
    // What the API refuses as well has not happened.
    fails: failed !== undefined && refuse === undefined,
    says: refuse === undefined ? (failed?.message_has ?? []) : [],
  };
}

async function handed(
  vector: CycleVector,
  how: "for good" | "as if it passed",
): Promise<JsonObject> {
  const { flow_run, deploy } = vector;
  let starts = 0;
  const t: TestApp = testApp({
    backend: async () => ({ ...t.platform.backend, launch: counted }),
  });
  const counted: Backend["launch"] = async (...asked) => {
    starts += 1;
    if (deploy.fails === undefined) return t.platform.backend.launch(...asked);
    throw how === "for good"
      ? new PermanentError("rejected", deploy.fails)
      : new Error(deploy.fails);
  };
  const late = Date.parse(flow_run.serialized_state.start_time) - RECORDED_AT;
  const start = new Date(t.clock.now().getTime() + late).toISOString();
  const flow = { name: "load", command: "true" };
  const body = JSON.stringify({ run_id: flow_run.id, flow, scheduled_start_time: start });
  const message = { id: "message", body };
  const app = withStore(t, vector, message);
  const thrown = await thrownBy(() => dispatch(app, message));
  for (let minute = 0; minute < 45; minute++) await goOn(t);
  const { items } = await t.app.store.list({ limit: 5 });
  const [run] = items;
  const fails = run !== undefined && isFinal(run.state) && run.state.type !== "succeeded";
  const words = fails && isFinal(run.state) ? run.state.cause.message : "";
  return {
    starts,
    escapes: thrown !== undefined,
    fails,
    says: (deploy.fails === undefined ? [] : [deploy.fails]).filter((text) => words.includes(text)),
  };
}

/** A minute passes: a tick, and whatever it put on the queue. */
async function goOn({ app, clock, queue }: TestApp): Promise<void> {
  clock.pass(MINUTE);
  await poll(app);
  for (const message of await queue.receive(10)) {
    await dispatch(app, message);
    await queue.done([message.receipt]);
  }
}

/** Prefect's API says `State update failed` where another agent was first. */
function withStore({ app, platform }: TestApp, { refuse }: CycleVector, message: Message): App {
  if (refuse === undefined) return app;
  const create: App["store"]["create"] = async (run) => {
    if (!refuse.text.startsWith("State update failed")) throw new Error(refuse.text);
    await dispatch({ ...app, backend: async () => platform.backend }, message);
    return app.store.create(run);
  };
  return { ...app, store: { ...app.store, create } };
}
