import { expect, test } from "vitest";
import { presenceOf } from "../../src/embedded/presence.ts";
import { silentLogger } from "../../src/log.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { sqliteDispatchers } from "../../src/stores/sqlite/dispatchers.ts";

/** Two processes on one data file, and the time both see. */
function two() {
  const db = openSqlite(":memory:");
  const clock = { now: Date.parse("2026-11-21T12:00:00Z") };
  const make = (id: string) =>
    presenceOf(
      { newId: () => id, now: () => new Date(clock.now), log: silentLogger },
      sqliteDispatchers(db),
    );
  return { clock, one: make("one"), other: make("other") };
}

test("a dispatcher is seen from its start until it says that it stops", async () => {
  const { one, other } = two();
  expect(other.kept()).toBe(false);
  const stop = new AbortController();
  const keeping = one.keep(stop.signal);
  expect(other.kept()).toBe(true);
  stop.abort();
  await keeping;
  expect(other.kept()).toBe(false);
});

test("a dispatcher that stops does not speak for another one", async () => {
  const { one, other } = two();
  const stops = [new AbortController(), new AbortController()] as const;
  const keeping = [one.keep(stops[0].signal), other.keep(stops[1].signal)] as const;
  stops[0].abort();
  await keeping[0];
  expect(one.kept()).toBe(true);
  stops[1].abort();
  await keeping[1];
});

test("a dispatcher that beats no more is gone after 10 seconds", async () => {
  const { clock, one, other } = two();
  const stop = new AbortController();
  const keeping = one.keep(stop.signal);
  clock.now += 9_999;
  expect(other.kept()).toBe(true);
  clock.now += 1;
  expect(other.kept()).toBe(false);
  stop.abort();
  await keeping;
});
