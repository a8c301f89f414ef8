import { describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { LOST_AFTER_MS } from "../src/hosts.ts";
import { tellLateEnds } from "../src/late-ends.ts";
import { observe } from "../src/observe.ts";
import type { Job, JobStatus } from "../src/run.ts";
import type { Page, RunQuery } from "../src/store.ts";
import { MINUTE, timestamp } from "../src/time.ts";
import { linesOf, runOf, start, stateOf, twoPlaces } from "./fakes/two-places.ts";

const EXIT = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
const SUCCEEDED: JobStatus = { type: "ended", end: "succeeded", cause: EXIT };
const T0 = "2026-11-21T12:00:00.000Z";

/** A host that comes back after so many runs of it were lost. */
async function comeBack(runs: number) {
  const places = twoPlaces();
  const { cloud, host } = places;
  for (let index = 0; index < runs; index++) await start(places, `r${index}`);
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

  test("changes nothing of what its runs ended as", async () => {
    const places = twoPlaces();
    for (const id of ["ended", "alive", "gone"]) await start(places, id);
    await places.host.work();
    const { job } = (await stateOf(places, "ended")) as { job: Job };
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    const before = await runOf(places, "ended");
    const { platform, app } = places.host;
    platform.set("ended", SUCCEEDED);
    platform.set("gone", { type: "missing" });
    await places.host.work();
    await tellLateEnds(app, T0);
    await observe(app, "ended", { launch: 1, job, status: SUCCEEDED });
    expect(await runOf(places, "ended")).toEqual(before);
    const ended = {
      level: "warn",
      message: "job of a lost run ended after all",
      fields: {
        runId: "ended",
        job: "here/ended/1",
        end: "succeeded",
        detail: "exit code 0",
      },
    };
    const alive = {
      level: "warn",
      message: "job of a lost run found alive",
      fields: { runId: "alive", job: "here/alive/1" },
    };
    const warnings = linesOf(places, "warn");
    expect(warnings).toHaveLength(3);
    expect(warnings.slice(0, 2)).toEqual(expect.arrayContaining([ended, alive]));
    expect(warnings[2]).toEqual(ended);
  });

  test("is nothing where no run was lost, and where the platform is down says so", async () => {
    const places = twoPlaces();
    const { platform, app } = places.host;
    platform.fail("inspect", new Error("down"));
    await tellLateEnds(app, T0);
    expect(linesOf(places, "warn")).toEqual([]);
    await start(places);
    await places.host.beat();
    platform.fail("inspect", undefined);
    await places.host.work();
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    platform.fail("inspect", new Error("down"));
    await tellLateEnds(app, T0);
    expect(linesOf(places, "warn")).toMatchObject([
      { message: "jobs of lost runs not asked about", fields: { reason: "down" } },
    ]);
  });

  test("is only of the jobs that the platform spoke of", async () => {
    const places = twoPlaces();
    await start(places);
    await places.host.work();
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    const backend = { ...places.host.platform.backend, inspect: async () => [] };
    await tellLateEnds({ ...places.host.app, backend: async () => backend }, T0);
    expect(linesOf(places, "warn")).toEqual([]);
  });
});
