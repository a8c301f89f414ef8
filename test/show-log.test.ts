import { describe, expect, test } from "vitest";
import type { LaunchPlan, LogPage } from "../src/backend.ts";
import type { JsonObject } from "../src/json.ts";
import { showLog, shownPlans } from "../src/show-log.ts";
import { launchRequest } from "./contracts/request.ts";
import { testWorld } from "./fakes/world.ts";

const planned = (): LaunchPlan => ({ target: "here", launch: {}, secrets: [], warnings: [] });

function isShown(always: boolean, options: JsonObject): boolean {
  const shown = shownPlans(always);
  const plan = planned();
  expect(shown.note(launchRequest({ config: { options } }), plan)).toBe(plan);
  expect(shown.has(planned())).toBe(false);
  return shown.has(plan);
}

describe("the output of a run", () => {
  test("is shown if its agent shows all or its run config says so", () => {
    expect(isShown(true, {})).toBe(true);
    expect(isShown(true, { stream_output: false })).toBe(true);
    expect(isShown(false, { stream_output: true })).toBe(true);
  });

  test("is not shown else", () => {
    expect(isShown(false, {})).toBe(false);
    expect(isShown(false, { stream_output: false })).toBe(false);
    expect(isShown(false, { stream_output: "yes" })).toBe(false);
  });
});

describe("a log that is shown", () => {
  const line = (text: string): LogPage => ({ lines: [{ text }], next: text, complete: false });
  const nothing: LogPage = { lines: [], next: "same", complete: false };

  /** Shows pages, the last of them complete; an error is thrown where a page is asked for. */
  async function follow(pages: readonly (LogPage | Error)[], closing = new AbortController()) {
    const told: string[] = [];
    const left = [...pages];
    const world = testWorld({
      show: (runId, text) => void told.push(`${runId}: ${text}`),
      log: { info() {}, error() {}, warn: (text: string) => void told.push(text) },
      closing: closing.signal,
    });
    await showLog(world, "run-1", {
      async page(after) {
        told.push(`after ${after}`);
        const page = left.shift() ?? { lines: [], next: "", complete: true };
        if (page instanceof Error) throw page;
        return page;
      },
      async sleep(ms) {
        told.push(`${ms} ms`);
        if (left.length === 0) closing.abort();
      },
      everyMs: 10,
      atMostMs: 40,
    });
    return told;
  }

  test("is read from where the last page ended, until it is complete", async () => {
    const end: LogPage = { lines: [{ text: "b" }], next: "b", complete: true };
    const told = await follow([line("a"), end, line("never read")]);
    expect(told).toEqual(["after undefined", "run-1: a", "after a", "run-1: b"]);
  });

  test("is asked for less and less often while nothing comes, and often again after a line", async () => {
    const told = await follow([nothing, nothing, nothing, nothing, line("a"), nothing, nothing]);
    const waits = told.filter((text) => text.endsWith("ms"));
    expect(waits).toEqual(["10 ms", "20 ms", "40 ms", "40 ms", "10 ms", "20 ms"]);
  });

  test("is no longer read when the process closes", async () => {
    expect(await follow([nothing])).toEqual(["after undefined", "10 ms"]);
    const closing = new AbortController();
    closing.abort();
    expect(await follow([line("a")], closing)).toEqual([]);
  });

  test("that cannot be read is told of, unless the process closes", async () => {
    expect(await follow([new Error("away")])).toEqual([
      "after undefined",
      "output of a run not shown",
    ]);
    const closing = new AbortController();
    const showing = follow([new Error("closed")], closing);
    closing.abort();
    expect(await showing).toEqual(["after undefined"]);
  });

  test("is not even read where nobody looks", async () => {
    const never = async () => Promise.reject(new Error("read"));
    await showLog(testWorld(), "run-1", { page: never, sleep: never, everyMs: 1 });
  });
});
