import { describe, expect, test } from "vitest";
import type { App } from "../../src/app.ts";
import { pollInRounds } from "../../src/aws/rounds.ts";
import { looks } from "../../src/due.ts";
import { CLOUD, type Run } from "../../src/run.ts";
import { MINUTE, plus, type Timestamp } from "../../src/time.ts";
import { testApp } from "../fakes/app.ts";

const START = "2026-11-21T12:00:00.000Z";

/** Runs whose jobs are known; each is due since its own second. */
function runs(count: number): Run[] {
  return Array.from({ length: count }, (_, index) => {
    const id = `r${String(index).padStart(5, "0")}`;
    const since = plus(START, index - 3_600_000);
    return {
      id,
      name: id,
      flow: { name: "hello" },
      labels: [],
      backend: "test",
      place: CLOUD,
      since,
      createdAt: since,
      launches: 1,
      revision: 1,
      state: {
        type: "running",
        agent: "here",
        target: "here",
        launch: 1,
        first: since,
        job: { backend: "test", id, ref: {} },
      },
    };
  });
}

/** An app with so many runs, and the runs whose jobs were asked about, tick by tick. */
function world(count: number, which: App["looks"] = () => true) {
  const all = runs(count);
  const { app } = testApp();
  let now = START;
  let asked: string[] = [];
  async function* due() {
    yield* all;
  }
  const store = { ...app.store, due };
  const observed: App = {
    ...app,
    store,
    now: () => new Date(now),
    looks: which,
    backend: async () => ({
      ...(await app.backend({} as never)),
      inspect: async (jobs) => {
        asked.push(...jobs.map(({ id }) => id));
        return jobs.map(() => ({ type: "running" }));
      },
    }),
  };
  return {
    app: observed,
    all,
    at: (moment: Timestamp) => {
      now = moment;
    },
    asked: () => {
      const seen = asked;
      asked = [];
      return seen;
    },
  };
}

const forever = () => new AbortController().signal;
const over = () => AbortSignal.abort();

describe("polling in rounds", () => {
  test("works on every due run when there is time", async () => {
    const { app, asked } = world(1_200);
    expect(await pollInRounds()(app, forever())).toEqual({ runs: 1_200, finished: true });
    expect(asked()).toHaveLength(1_200);
  });

  test("goes on where the tick before stopped, and begins again after the last run", async () => {
    const { app, all, asked } = world(1_200);
    const tick = pollInRounds();
    expect((await tick(app, over())).finished).toBe(false);
    const first = asked();
    await tick(app, over());
    const second = asked();
    await tick(app, over());
    const third = asked();
    expect(first).toEqual(all.slice(0, 500).map(({ id }) => id));
    expect(new Set([...first, ...second, ...third]).size).toBe(1_200);
    expect(third).toEqual(all.slice(1_000).map(({ id }) => id));
    await tick(app, over());
    expect(asked()).toEqual(first);
  });

  test("counts and holds back no run of a lost host, which is judged when the round has ended", async () => {
    const { app } = world(600);
    await app.hosts.beat({
      agent: "lab",
      id: "bench-1",
      machine: "bench",
      version: "0.1.0",
      startedAt: START,
      lastSeen: plus(START, -60 * MINUTE),
    });
    const judged: string[] = [];
    const of = (run: Run) => ({ ...run, place: "lab" });
    async function* due(_: Timestamp, place: string) {
      if (place === "lab") judged.push(place);
      yield* place === "lab" ? runs(3).map(of) : runs(600);
    }
    const tick = pollInRounds();
    const store = { ...app.store, due };
    expect(await tick({ ...app, store }, over())).toEqual({ runs: 500, finished: false });
    expect(judged).toEqual([]);
    expect(await tick({ ...app, store }, over())).toEqual({ runs: 100, finished: true });
    expect(judged).toEqual(["lab"]);
  });

  test("begins a new round in the tick that has ended an old one, if there is time", async () => {
    const { app, asked } = world(1_200);
    const tick = pollInRounds();
    await tick(app, over());
    asked();
    expect(await tick(app, forever())).toEqual({ runs: 700 + 1_200, finished: true });
  });

  test("leaves no job out for longer than ten minutes, however slow the rounds are", async () => {
    for (const ticksPerRound of [1, 2, 3, 4]) {
      const place = world(500 * ticksPerRound, looks);
      const tick = pollInRounds();
      const last = new Map(place.all.map(({ id }) => [id, 0]));
      let longest = 0;
      for (let minute = 1; minute <= 120; minute++) {
        place.at(plus(START, minute * MINUTE));
        await tick(place.app, ticksPerRound === 1 ? forever() : over());
        for (const id of place.asked()) {
          longest = Math.max(longest, minute - (last.get(id) ?? 0));
          last.set(id, minute);
        }
      }
      expect(longest, `${ticksPerRound} ticks a round`).toBeLessThanOrEqual(12);
      expect([...last.values()].every((minute) => minute > 105)).toBe(true);
    }
  });
});
