import { describe, expect, test } from "vitest";
import { dispatch } from "../../src/dispatch.ts";
import { runLoop } from "../../src/embedded/loop.ts";
import { PermanentError } from "../../src/errors.ts";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
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
