import { describe, expect, test } from "vitest";
import { cancel } from "../src/cancel.ts";
import { dispatch } from "../src/dispatch.ts";
import { explainRun } from "../src/explain.ts";
import { LOST_AFTER_MS, OFFLINE_AFTER_MS } from "../src/hosts.ts";
import { tellLateEnds } from "../src/late-ends.ts";
import { judgeHosts } from "../src/lost-hosts.ts";
import { poll } from "../src/poll.ts";
import type { JobStatus } from "../src/run.ts";
import { MINUTE, SECOND } from "../src/time.ts";
import { linesOf, runOf, start, stateOf, type TwoPlaces, twoPlaces } from "./fakes/two-places.ts";

const EXIT = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
const SUCCEEDED: JobStatus = { type: "ended", end: "succeeded", cause: EXIT };
const T0 = "2026-11-21T12:00:00.000Z";

async function because(places: TwoPlaces, id = "r1") {
  return (await explainRun(places.cloud.app, id)).because;
}

describe("the host of a remote agent that is no longer seen", () => {
  test("keeps its runs until the grace is over, to the millisecond, and then loses them", async () => {
    const places = twoPlaces();
    await start(places);
    await places.host.work();
    places.host.platform.set("r1", { type: "running", startedAt: T0 });
    await places.host.work();
    places.cloud.clock.pass(LOST_AFTER_MS - 1);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({ type: "running" });
    places.cloud.clock.pass(1);
    await places.tick();
    expect(await stateOf(places)).toEqual({
      type: "crashed",
      cause: {
        type: "lost",
        message: `the host of agent lab on bench is unseen since ${T0}, and nothing says how here/r1/1 ended`,
      },
      agent: "lab",
      target: "here",
      launch: 1,
      job: { backend: "test", id: "here/r1/1", ref: { runId: "r1" } },
      startedAt: T0,
    });
  });

  test("loses runs that are submitted and those being cancelled, with and without a job", async () => {
    const places = twoPlaces();
    await start(places, "submitted");
    await start(places, "cancelling");
    await places.host.work();
    await cancel(places.cloud.app, "cancelling");
    places.host.platform.behave({ type: "request lost" });
    await start(places, "searching");
    await places.host.work();
    await cancel(places.cloud.app, "searching");
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    for (const id of ["submitted", "cancelling", "searching"]) {
      expect(await stateOf(places, id)).toMatchObject({ type: "crashed", cause: { type: "lost" } });
    }
    expect(await stateOf(places, "searching")).not.toHaveProperty("job");
  });

  test("loses a launch once its lease is over too", async () => {
    const places = twoPlaces();
    await start(places);
    const { app } = places.host;
    const store: typeof app.store = {
      ...app.store,
      transition: async (run, next, ...rest) => {
        await app.store.transition(run, next, ...rest);
        throw new Error("killed");
      },
    };
    await places.host.beat();
    const dying = dispatch(
      { ...app, store, launchLeaseMs: 20 * MINUTE },
      { id: "m", body: '{"run_id":"r1"}' },
    );
    await expect(dying).rejects.toThrow("killed");
    expect(await stateOf(places)).toMatchObject({ type: "launching" });
    places.cloud.clock.pass(20 * MINUTE - 1);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({ type: "launching" });
    places.cloud.clock.pass(1);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({
      type: "crashed",
      cause: { type: "lost", message: expect.stringMatching(/whether its job was started$/) },
    });
    await tellLateEnds(places.host.app, T0);
    expect(linesOf(places, "warn")).toEqual([]);
  });

  test("is told of by runs that wait for it, written once, and they go when it is back", async () => {
    const places = twoPlaces();
    await places.host.beat();
    await start(places);
    places.cloud.clock.pass(LOST_AFTER_MS - 1);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({
      message: "waits for the host of agent lab on bench",
    });
    places.cloud.clock.pass(1);
    await places.tick();
    const told = await runOf(places);
    expect(told.state).toMatchObject({
      type: "waiting",
      message: `waits for the host of agent lab on bench, unseen since ${T0}: run \`sluice agent lab\` on its machine`,
    });
    places.cloud.clock.pass(MINUTE);
    await places.tick();
    await places.tick();
    expect(await runOf(places)).toEqual(told);
    await places.host.work();
    expect(await stateOf(places)).toMatchObject({ type: "submitted" });
  });

  test("is named by the explanation of every run of its place from its first minute on", async () => {
    const places = twoPlaces();
    await start(places, "r1");
    await places.host.work();
    await start(places, "r2");
    expect(await because(places, "r1")).toMatch(
      /^agent lab has launched here\/r1\/1, which has not/,
    );
    expect(await because(places, "r1")).not.toMatch(/offline/);
    places.cloud.clock.pass(OFFLINE_AFTER_MS);
    expect(await because(places, "r1")).toMatch(
      `the host of agent lab on bench is offline, unseen since ${T0}`,
    );
    expect(await because(places, "r2")).toMatch(/unseen since .*: run `sluice agent lab`/);
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    expect(await because(places, "r1")).toMatch(/^crashed: the host of agent lab/);
  });

  test("is not what a run waits for that its host cannot plan, until the host is lost", async () => {
    const places = twoPlaces();
    await start(places);
    await places.host.beat();
    expect(await because(places)).toBe("waits for the host of agent lab on bench");
    places.host.platform.fail("plan", new Error("template s3://b/t cannot be fetched: 503"));
    await places.host.work();
    const fault = "agent lab cannot plan the launch: template s3://b/t cannot be fetched: 503";
    expect(await because(places)).toBe(fault);
    expect((await explainRun(places.host.app, "r1")).because).toBe(fault);
    places.cloud.clock.pass(OFFLINE_AFTER_MS);
    expect(await because(places)).toBe(
      `${fault}; the host of agent lab on bench is offline, unseen since ${T0}`,
    );
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    expect(await because(places)).toBe(
      `waits for the host of agent lab on bench, unseen since ${T0}: run \`sluice agent lab\` on its machine`,
    );
    places.host.platform.fail("plan", undefined);
    await places.host.beat();
    expect(await because(places)).toBe("waits for the host of agent lab on bench");
    await places.host.work();
    expect(await stateOf(places)).toMatchObject({ type: "submitted" });
  });

  test("is what a run waits for that had no room, once the host is lost", async () => {
    const places = twoPlaces();
    await start(places);
    places.host.platform.behave({ type: "refuse" });
    await places.host.work();
    expect(await because(places)).toBe("no room");
    places.cloud.clock.pass(LOST_AFTER_MS);
    await places.tick();
    expect(await stateOf(places)).toMatchObject({
      type: "waiting",
      reason: "agent",
      message: expect.stringMatching(/^waits for the host of agent lab on bench, unseen since/),
      refused: { launch: 1 },
    });
    expect(await because(places)).toMatch(
      /unseen since .*: run `sluice agent lab` on its machine$/,
    );
    await places.host.work();
    expect(await stateOf(places)).toMatchObject({ type: "submitted", launch: 2 });
  });

  test("loses every run but the one that cannot be written, which is logged and judged again", async () => {
    const places = twoPlaces();
    await start(places, "r1");
    await start(places, "r2");
    await places.host.work();
    places.cloud.clock.pass(LOST_AFTER_MS);
    const { app } = places.cloud;
    const { transition } = app.store;
    const store: typeof app.store = {
      ...app.store,
      transition: async (run, ...rest) => {
        if (run.id === "r1") throw new Error("throttled");
        return transition(run, ...rest);
      },
    };
    await judgeHosts({ ...app, store });
    expect(await stateOf(places, "r2")).toMatchObject({ type: "crashed" });
    expect(linesOf(places, "error")).toMatchObject([
      {
        message: "run of a lost host not judged",
        fields: { runId: "r1", agent: "lab", reason: "throttled" },
      },
    ]);
    await places.tick();
    expect(await stateOf(places, "r1")).toMatchObject({ type: "crashed" });
  });

  test("loses no more runs from the moment on at which it is seen again", async () => {
    const places = twoPlaces();
    for (const id of ["r1", "r2", "r3"]) await start(places, id);
    await places.host.work();
    await start(places, "waits");
    const { app, clock } = places.cloud;
    clock.pass(LOST_AFTER_MS);
    const due: typeof app.store.due = async function* (now, place) {
      let given = 0;
      for await (const run of app.store.due(now, place)) {
        if (given++ === 1) await places.host.beat();
        yield run;
      }
    };
    await judgeHosts({ ...app, agents: app.agents, store: { ...app.store, due } });
    const runs = await Promise.all(["r1", "r2", "r3"].map((id) => stateOf(places, id)));
    expect(runs.map(({ type }) => type).sort()).toEqual(["crashed", "submitted", "submitted"]);
    expect(await stateOf(places, "waits")).toMatchObject({
      message: "waits for the host of agent lab on bench",
    });
    expect(linesOf(places, "error")).toEqual([]);
  });

  test("loses nothing while nobody can say whether it was seen again", async () => {
    const places = twoPlaces();
    await start(places);
    await places.host.work();
    places.cloud.clock.pass(LOST_AFTER_MS);
    const { app } = places.cloud;
    const hosts = { ...app.hosts, get: () => Promise.reject(new Error("down")) };
    await judgeHosts({ ...app, agents: app.agents, hosts });
    expect(await stateOf(places)).toMatchObject({ type: "submitted" });
    expect(linesOf(places, "error")).toMatchObject([
      { message: "run of a lost host not judged", fields: { runId: "r1", reason: "down" } },
    ]);
  });

  test("is not judged further once the tick is told to end", async () => {
    const places = twoPlaces();
    await start(places);
    await places.host.work();
    places.cloud.clock.pass(LOST_AFTER_MS);
    await judgeHosts(places.cloud.app, AbortSignal.abort());
    expect(await stateOf(places)).toMatchObject({ type: "submitted" });
  });

  test("leaves runs alone that an index still holds as they were before", async () => {
    const places = twoPlaces();
    await start(places);
    await places.host.work();
    const stale = await runOf(places);
    places.host.platform.set("r1", SUCCEEDED);
    await places.host.work();
    const ended = await runOf(places);
    const scheduled = { ...stale, state: { type: "scheduled", start: T0 } as const };
    places.cloud.clock.pass(LOST_AFTER_MS);
    const { app } = places.cloud;
    async function* due() {
      yield* [stale, ended, scheduled];
    }
    await judgeHosts({ ...app, store: { ...app.store, due } });
    expect(await runOf(places)).toEqual(ended);
    expect(linesOf(places, "error")).toEqual([]);
  });

  test("loses nothing in a store that cannot be read, and the next tick tries again", async () => {
    const places = twoPlaces();
    const hosts = { ...places.cloud.app.hosts, list: () => Promise.reject(new Error("down")) };
    await poll({ ...places.cloud.app, hosts });
    expect(linesOf(places, "error")).toMatchObject([
      { message: "tick failed in part", fields: { reason: "down" } },
    ]);
    places.cloud.clock.pass(SECOND);
    await places.tick();
    expect(linesOf(places, "error")).toHaveLength(1);
  });
});
