import { describe, expect, test } from "vitest";
import { dispatch } from "../../src/dispatch.ts";
import { look, runLoop, turn } from "../../src/embedded/loop.ts";
import { PermanentError } from "../../src/errors.ts";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { testApp } from "../fakes/app.ts";
import { deliver, REQUEST, stateOf } from "../fakes/one-run.ts";
import { twoPlaces } from "../fakes/two-places.ts";

describe("a loop that may not work now", () => {
  test("neither ticks nor takes messages, and does both as soon as it may", async () => {
    const places = twoPlaces();
    const { app, platform } = places.host;
    const queue = sqliteQueue(openSqlite(":memory:"), { ...app, visibilityMs: 90_000 });
    for (const id of ["queued", "due"]) {
      const body = JSON.stringify({ run_id: id, flow: { name: "load", command: "true" } });
      await dispatch(places.cloud.app, { id: `m-${id}`, body });
    }
    await queue.send([{ body: '{"run_id":"queued"}' }]);
    const stop = new AbortController();
    const refusals = 6;
    let asked = 0;
    const askedAtLaunch: number[] = [];
    platform.during(async () => {
      askedAtLaunch.push(asked);
      if (askedAtLaunch.length === 2) stop.abort();
    });
    const beforeWork = async () => {
      asked += 1;
      if (asked <= refusals) throw new PermanentError("conflict", "another host is at work");
    };
    await runLoop({ app: { ...app, queue }, queue, tickMs: 5, beforeWork }, stop.signal);
    expect(platform.started.map(({ runId }) => runId).sort()).toEqual(["due", "queued"]);
    expect(Math.min(...askedAtLaunch)).toBeGreaterThan(refusals);
    expect(places.cloud.lines).toContainEqual({
      level: "error",
      message: "messages not received",
      fields: { reason: "another host is at work" },
    });
    expect(places.cloud.lines).toContainEqual({
      level: "error",
      message: "tick failed",
      fields: { reason: "another host is at work" },
    });
  });
});

describe("a look", () => {
  test("stores how jobs are; it tidies nothing up and takes no message", async () => {
    const t = testApp();
    await deliver(t);
    t.platform.set("r1", { type: "running", startedAt: "2026-11-21T12:00:01.000Z" });
    await t.queue.send([{ body: JSON.stringify({ ...REQUEST, run_id: "r2" }) }]);
    let tidied = 0;
    const tidy = async () => void (tidied += 1);
    const backend = { ...t.platform.backend, tidy };
    const app = { ...t.app, agents: t.app.agents, backend: async () => backend };
    await look({ app, queue: t.queue });
    expect(await stateOf(t)).toMatchObject({ type: "running" });
    expect(await stateOf(t, "r2")).toBeUndefined();
    expect(tidied).toBe(0);
    await turn({ app, queue: t.queue });
    expect(tidied).toBe(1);
  });
});
