import { describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { dispatch } from "../src/dispatch.ts";
import { LOST_AFTER_MS } from "../src/hosts.ts";
import { tellLateEnds } from "../src/late-ends.ts";
import type { Page, RunQuery } from "../src/store.ts";
import { MINUTE, timestamp } from "../src/time.ts";
import { twoPlaces } from "./fakes/two-places.ts";

const FLOW = { name: "load", command: "true" };
const T0 = "2026-11-21T12:00:00.000Z";

/** A host that comes back after so many runs of it were lost. */
async function comeBack(runs: number) {
  const places = twoPlaces();
  const { cloud, host } = places;
  for (let index = 0; index < runs; index++) {
    const body = JSON.stringify({ run_id: `r${index}`, flow: FLOW });
    await dispatch(cloud.app, { id: `m-${index}`, body });
  }
  await host.work();
  cloud.clock.pass(LOST_AFTER_MS);
  await places.tick();
  for (let index = 0; index < runs; index++) host.platform.set(`r${index}`, { type: "running" });
  const told = (message: string) => cloud.lines.filter((line) => line.message === message);
  return { ...places, alive: () => told("job of a lost run found alive"), told };
}

/** The store of a busy table, whose lists look at some runs at a time and then say how far they came. */
function busy({ list, ...store }: App["store"], queries: RunQuery[], pages: number) {
  return {
    ...store,
    async list(query: RunQuery): Promise<Page<never> | Awaited<ReturnType<typeof list>>> {
      queries.push(query);
      const page = queries.length;
      if (page > pages) return list(Object.fromEntries(Object.entries(query).filter(notCursor)));
      return { items: [], next: `${page}`, lookedBackTo: `2026-11-21T11:${60 - page}:00.000Z` };
    },
  };
}

const notCursor = ([key]: [string, unknown]) => key !== "cursor";

describe("what a host tells that comes back", () => {
  test("is of all its lost runs, however many there are", async () => {
    const { host, alive, told } = await comeBack(450);
    await tellLateEnds(host.app, T0);
    expect(new Set(alive().map(({ fields }) => fields["runId"])).size).toBe(450);
    expect(alive()).toHaveLength(450);
    expect(told("older lost runs not looked for")).toEqual([]);
  });

  test("is found on a busy table, whose lists end early", async () => {
    const { host, alive, told } = await comeBack(1);
    const queries: RunQuery[] = [];
    const { app } = host;
    await tellLateEnds({ ...app, store: busy(app.store, queries, 19) }, T0);
    expect(queries.map(({ cursor }) => cursor)).toEqual([
      undefined,
      ...Array.from({ length: 19 }, (_, index) => `${index + 1}`),
    ]);
    expect(alive()).toHaveLength(1);
    expect(told("older lost runs not looked for")).toEqual([]);
  });

  test("begins where the host was last seen, for what is newer it has not launched", async () => {
    const { cloud, host } = await comeBack(1);
    const queries: RunQuery[] = [];
    const { app } = host;
    await tellLateEnds({ ...app, store: busy(app.store, queries, 0) }, T0);
    expect(queries).toEqual([
      { state: "crashed", agent: "lab", before: "2026-11-21T12:01:00.000Z", limit: 200 },
    ]);
    expect(timestamp(cloud.app.now()) > "2026-11-21T12:01:00.000Z").toBe(true);
  });

  test("ends after twenty looks, and says from when on nobody has looked", async () => {
    const { host, alive, told } = await comeBack(1);
    const queries: RunQuery[] = [];
    const { app } = host;
    await tellLateEnds({ ...app, store: busy(app.store, queries, 100) }, T0);
    expect(queries).toHaveLength(20);
    expect(alive()).toEqual([]);
    expect(told("older lost runs not looked for")).toMatchObject([
      { level: "warn", fields: { agent: "lab", before: "2026-11-21T11:40:00.000Z" } },
    ]);
  });

  test("ends after the look in hand when the host is told to stop, and says so too", async () => {
    const { host, alive, told } = await comeBack(250);
    await tellLateEnds(host.app, T0, AbortSignal.abort());
    expect(alive()).toHaveLength(200);
    expect(told("older lost runs not looked for")).toMatchObject([{ fields: { before: T0 } }]);
  });

  test("ends with the first answer that does not come", async () => {
    const { cloud, host, alive, told } = await comeBack(250);
    host.platform.fail("inspect", new Error("down"));
    cloud.clock.pass(MINUTE);
    await tellLateEnds(host.app, T0);
    expect(alive()).toEqual([]);
    expect(told("jobs of lost runs not asked about")).toHaveLength(1);
  });
});
