import { describe, expect, test } from "vitest";
import { pollWith } from "../../functions/poll.ts";
import type { App } from "../../src/app.ts";
import { PAGE_MS } from "../../src/poll.ts";
import type { RunState } from "../../src/run.ts";
import type { NewRun } from "../../src/store.ts";
import { testApp } from "../fakes/app.ts";
import type { TestClock } from "../fakes/clock.ts";
import { invocation } from "./support.ts";

const TICK = {
  version: "0",
  id: "1",
  account: "123456789012",
  time: "2026-11-21T12:00:00Z",
  region: "eu-west-1",
  resources: [],
  source: "aws.events",
  "detail-type": "Scheduled Event",
  detail: {},
} as const;

const MOMENT = "2026-11-21T12:00:00.000Z";

describe("the function poll", () => {
  test("sends the message of a run whose start has come", async () => {
    const { app, queue, clock } = testApp();
    await app.store.create({
      id: "a",
      name: "a",
      flow: { name: "hello" },
      labels: [],
      backend: "any",
      place: "cloud",
      createdAt: clock.now().toISOString(),
      state: { type: "scheduled", start: clock.now().toISOString() },
      body: { received: {} },
    });
    await pollWith(async () => app)({ ...TICK, resources: [] }, invocation());
    expect((await queue.receive(10)).map(({ body }) => body)).toEqual(['{"run_id":"a"}']);
  });

  test("takes no more runs so long before its end that it can work on those it has", async () => {
    const asked: number[] = [];
    const { app } = testApp({
      timeout: (ms) => {
        asked.push(ms);
        return new AbortController().signal;
      },
    });
    await pollWith(async () => app)({ ...TICK, resources: [] }, invocation(55_000));
    expect(asked).toEqual([55_000 - 5_000 - PAGE_MS]);
  });

  test.each([
    ["the platform and the queue", []],
    ["every write of the store too", ["transition"]],
    ["the reading of due runs too", ["due"]],
    ["the hosts too", ["hosts"]],
  ] as const)("ends in time although %s hang", async (_, parts) => {
    const { app, clock, timers } = timedApp(parts);
    for (let index = 0; index < 1_200; index++) await app.store.create(runNumber(index));
    const began = clock.now().getTime();
    const spent = () => clock.now().getTime() - began;
    const context = { ...invocation(), getRemainingTimeInMillis: () => 55_000 - spent() };

    const over = new AbortController();
    const tick = pollWith(async () => app)({ ...TICK, resources: [] }, context);
    const ticking = tick.finally(() => over.abort());
    for (await settled(); !over.signal.aborted; await settled()) timers.fireNext();

    await ticking;
    expect(spent()).toBeLessThanOrEqual(52_000);
  });
});

/** Lets everything happen that needs no clock. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve));
}

const never = () => new Promise<never>(() => undefined);

/** An app whose platform and queue never answer, nor the other parts that are named. */
function timedApp(parts: readonly ("transition" | "due" | "hosts")[]) {
  const t = testApp();
  const { app, clock } = t;
  const timers = timersOf(clock);
  async function* due(...range: Parameters<App["store"]["due"]>) {
    let given = 0;
    for await (const run of app.store.due(...range)) {
      if (parts.includes("due") && given === 700) await never();
      given += 1;
      yield run;
    }
  }
  const { backend } = t.platform;
  const hung: App = {
    ...app,
    agents: app.agents,
    timeout: timers.timeout,
    queue: { send: never },
    backend: async () => ({ ...backend, inspect: never, find: never, cancel: never }),
    hosts: { ...app.hosts, ...(parts.includes("hosts") ? { list: never } : {}) },
    store: { ...app.store, due, ...(parts.includes("transition") ? { transition: never } : {}) },
  };
  return { app: hung, clock, timers };
}

/** Timeouts of a clock that a test moves on. */
function timersOf(clock: TestClock) {
  const timers: { readonly at: number; readonly over: AbortController }[] = [];
  return {
    timeout(ms: number) {
      const over = new AbortController();
      timers.push({ at: clock.now().getTime() + ms, over });
      return over.signal;
    },
    /** Moves the clock on to the next timeout, which is then over. */
    fireNext() {
      const next = timers.sort((a, b) => a.at - b.at).shift();
      if (next === undefined) throw new Error("the tick waits for something that never happens");
      clock.pass(Math.max(0, next.at - clock.now().getTime()));
      next.over.abort();
    },
  };
}

/** A run to be sent, to be looked at, to be stopped or to be looked for. */
function runNumber(index: number): NewRun {
  const launch = { agent: "here", target: "here", launch: 1, first: MOMENT };
  const job = { backend: "test", id: String(index), ref: {} };
  const states: readonly RunState[] = [
    { type: "scheduled", start: MOMENT },
    { type: "running", ...launch, job },
    { type: "cancelling", ...launch, job, until: MOMENT, misses: 0 },
    { type: "cancelling", ...launch, until: MOMENT, misses: 0 },
  ];
  return {
    id: `r${index}`,
    name: `r${index}`,
    flow: { name: "hello" },
    labels: [],
    backend: "any",
    place: "cloud",
    createdAt: MOMENT,
    state: states[index % states.length] ?? { type: "scheduled", start: MOMENT },
    body: { received: {} },
  };
}
