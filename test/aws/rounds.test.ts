import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { App } from "../../src/app.ts";
import { pollInRounds } from "../../src/aws/rounds.ts";
import { dueAt, looks } from "../../src/due.ts";
import { CLOUD, type Run } from "../../src/run.ts";
import { MINUTE, plus, type Timestamp } from "../../src/time.ts";
import { testApp } from "../fakes/app.ts";

const START = "2026-11-21T12:00:00.000Z";
const HOUR_BEFORE = plus(START, -60 * MINUTE);
/** How many runs a poll takes before it works on them. */
const PAGE = 500;

/** A run whose job is known, and which is due since a moment. */
function runDueSince(since: Timestamp, index: number): Run {
  const id = `r${String((index * 7_919) % 100_003).padStart(6, "0")}`;
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
}

/** Runs, each due since a moment of its own. */
function runs(count: number): Run[] {
  return Array.from({ length: count }, (_, index) =>
    runDueSince(plus(HOUR_BEFORE, index * 100), index),
  );
}

/** An app with these runs, and the runs whose jobs were asked about, tick by tick. */
function world(all: readonly Run[], which: App["looks"] = () => true) {
  const { app } = testApp();
  const beginnings: (Timestamp | undefined)[] = [];
  let now = START;
  let asked: string[] = [];
  let worked = new Set<string>();
  let over = new AbortController();
  let limit = Number.POSITIVE_INFINITY;
  const due: App["store"]["due"] = async function* (until, place, range) {
    if (place !== CLOUD) return;
    beginnings.push(range?.from);
    yield* all.filter((run) => {
      const moment = dueAt(run.state, run.since) ?? "";
      return moment <= until && moment >= (range?.from ?? "");
    });
  };
  const observed: App = {
    ...app,
    store: { ...app.store, due },
    now: () => new Date(now),
    looks(run, minute) {
      worked.add(run.id);
      if (worked.size >= limit) over.abort();
      return which(run, minute);
    },
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
    beginnings,
    at: (moment: Timestamp) => {
      now = moment;
    },
    /** A signal that is aborted when `forRuns` runs were worked on; never unless told. */
    time: (forRuns = Number.POSITIVE_INFINITY) => {
      worked = new Set();
      over = new AbortController();
      limit = forRuns;
      return over.signal;
    },
    asked: () => {
      const seen = asked;
      asked = [];
      return seen;
    },
  };
}

describe("polling in rounds", () => {
  test("works on every due run when there is time", async () => {
    const { app, asked, time } = world(runs(1_200));
    expect(await pollInRounds()(app, time())).toEqual({ runs: 1_200, finished: true });
    expect(asked()).toHaveLength(1_200);
  });

  test("goes on where the tick before stopped, and begins again after the last run", async () => {
    const all = runs(1_200);
    const { app, asked, time, beginnings } = world(all);
    const tick = pollInRounds();
    expect(await tick(app, time(1))).toEqual({ runs: PAGE, finished: false });
    const first = asked();
    await tick(app, time(1));
    const second = asked();
    expect(await tick(app, time())).toEqual({ runs: 200 + 1_200, finished: true });
    const third = asked();
    expect([...first, ...second, ...third.slice(0, 200)]).toEqual(all.map(({ id }) => id));
    // What was worked on before is not even read.
    expect(beginnings).toEqual([undefined, all[499]?.since, all[999]?.since, undefined]);
  });

  test("sees each of many runs of one moment once a round, in whatever order they come", async () => {
    const ties = Array.from({ length: 2_000 }, (_, index) => runDueSince(HOUR_BEFORE, index));
    const { app, asked, time } = world(ties);
    const tick = pollInRounds();
    for (let page = 0; page < 4; page++) {
      expect(await tick(app, time(1))).toEqual({ runs: PAGE, finished: false });
    }
    expect(asked().sort()).toEqual(ties.map(({ id }) => id).sort());
    expect(await tick(app, time())).toEqual({ runs: 2_000, finished: true });
  });

  test("sees each run once a round, however moments and ticks fall", async () => {
    const groups = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 5 });
    const pages = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(groups, pages, async (sizes, cuts) => {
        let index = 0;
        const all = sizes.flatMap((size, second) =>
          Array.from({ length: size }, () => runDueSince(plus(HOUR_BEFORE, second), index++)),
        );
        const { app, asked, time } = world(all);
        const tick = pollInRounds();
        let seen = 0;
        for (const cut of cuts) {
          const { runs: worked, finished } = await tick(app, time(cut * PAGE));
          seen += worked;
          if (finished) break;
        }
        const ids = asked();
        expect(ids).toHaveLength(seen);
        for (const round of [ids.slice(0, all.length), ids.slice(all.length, 2 * all.length)]) {
          expect(new Set(round).size).toBe(round.length);
        }
        expect(new Set(ids).size).toBe(all.length);
      }),
      { numRuns: 10 },
    );
  });

  test("leaves to the next round what becomes due meanwhile, so each comes to an end", async () => {
    const all = runs(1_200);
    const { app, at, time } = world(all);
    const tick = pollInRounds();
    await tick(app, time(1));
    const now = plus(START, MINUTE);
    at(now);
    for (let index = 0; index < 600; index++) all.push(runDueSince(now, 2_000 + index));
    expect(await tick(app, time())).toEqual({ runs: 700 + 1_800, finished: true });
  });

  test("ends when its time is over although the store hangs, and goes on where it was", async () => {
    const all = runs(1_200);
    const { app, asked, time } = world(all);
    let hang = () => {};
    const hangs = new Promise<void>((resolve) => {
      hang = resolve;
    });
    let wakeUp = () => {};
    const asleep = new Promise<void>((resolve) => {
      wakeUp = resolve;
    });
    const due: App["store"]["due"] = async function* (...range) {
      let given = 0;
      for await (const run of app.store.due(...range)) {
        if (given === 700) {
          hang();
          await asleep;
        }
        given += 1;
        yield run;
      }
    };
    const tick = pollInRounds();
    const over = new AbortController();
    const ticking = tick({ ...app, store: { ...app.store, due } }, over.signal);
    await hangs;
    over.abort();
    expect(await ticking).toEqual({ runs: 700, finished: false });
    wakeUp();
    expect(asked()).toEqual(all.slice(0, 700).map(({ id }) => id));
    await tick(app, time(500));
    expect(asked()).toEqual(all.slice(700).map(({ id }) => id));
  });

  test("counts and holds back no run of a lost host, which is judged when the round has ended", async () => {
    const { app, time } = world(runs(600));
    await app.hosts.beat({
      agent: "lab",
      id: "bench-1",
      machine: "bench",
      version: "0.1.0",
      startedAt: START,
      lastSeen: plus(START, -60 * MINUTE),
    });
    const judged: string[] = [];
    const due: App["store"]["due"] = async function* (now, place, range) {
      if (place !== "lab") return yield* app.store.due(now, place, range);
      judged.push(place);
      yield* runs(3).map((run) => ({ ...run, place: "lab" }));
    };
    const tick = pollInRounds();
    const store = { ...app.store, due };
    expect(await tick({ ...app, store }, time(1))).toEqual({ runs: 500, finished: false });
    expect(judged).toEqual([]);
    await tick({ ...app, store }, time());
    expect(judged).toEqual(["lab", "lab"]);
  });

  test("begins a new round in the tick that has ended an old one, if there is time", async () => {
    const { app, asked, time } = world(runs(1_200));
    const tick = pollInRounds();
    await tick(app, time(1));
    asked();
    expect(await tick(app, time())).toEqual({ runs: 700 + 1_200, finished: true });
  });

  test("makes up for the minutes of ticks that failed", async () => {
    const { app, at, asked, time } = world(runs(500), looks);
    const due: App["store"]["due"] = async function* () {
      yield* await Promise.reject<Run[]>(new Error("no answer"));
    };
    const down = { ...app, store: { ...app.store, due } };
    const tick = pollInRounds();
    at(plus(START, MINUTE));
    await tick(app, time());
    asked();
    for (const minute of [2, 3, 4]) {
      at(plus(START, minute * MINUTE));
      await expect(tick(down, time())).rejects.toThrow();
    }
    at(plus(START, 5 * MINUTE));
    await tick(app, time());
    expect(new Set(asked()).size).toBe(500);
  });

  test("looks at every job in the first round of a process, which knows of none before", async () => {
    const old = runs(900).map((run) => ({ ...run, since: plus(run.since, -10 * 60 * MINUTE) }));
    const { app, asked, time } = world(old, looks);
    const tick = pollInRounds();
    await tick(app, time());
    expect(asked()).toHaveLength(900);
    await tick(app, time());
    expect(asked().length).toBeLessThan(450);
  });

  test.each([
    [1, 4],
    [2, 4],
    [3, 6],
    [4, 4],
  ])(
    "of %i ticks look at each old job every %i minutes or sooner, and within ten if one look fails",
    async (ticksPerRound, longest) => {
      const old = runs(PAGE * ticksPerRound).map((run) => ({
        ...run,
        since: plus(run.since, -10 * 60 * MINUTE),
      }));
      const place = world(old, looks);
      const tick = pollInRounds();
      const looked = new Map(old.map(({ id }) => [id, [0]]));
      for (let minute = 1; minute <= 120; minute++) {
        place.at(plus(START, minute * MINUTE));
        await tick(place.app, place.time(PAGE));
        for (const id of place.asked()) looked.get(id)?.push(minute);
      }
      const gaps = (apart: number) =>
        [...looked.values()].flatMap((minutes) =>
          [...minutes, 121].slice(apart).map((minute, index) => minute - (minutes[index] ?? 0)),
        );
      expect(Math.max(...gaps(1))).toBe(longest);
      expect(Math.max(...gaps(2))).toBeLessThanOrEqual(10);
    },
  );
});
