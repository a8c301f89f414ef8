import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEmbedded } from "../../src/embedded/app.ts";
import { turn } from "../../src/embedded/loop.ts";
import { quietLog } from "../../src/embedded/quiet-log.ts";
import type { Logger } from "../../src/log.ts";
import { submit } from "../../src/submit.ts";
import { MINUTE } from "../../src/time.ts";
import { testClock } from "../fakes/clock.ts";

/** A log that keeps its lines. */
function keptLog() {
  const lines: [level: string, message: string, fields: unknown][] = [];
  const at = (level: string) => (message: string, fields?: unknown) =>
    void lines.push([level, message, fields]);
  const log: Logger = { info: at("info"), warn: at("warn"), error: at("error") };
  return { log, lines };
}

describe("a quiet log", () => {
  test("writes a warning or an error once, and again after ten minutes", () => {
    const { log, lines } = keptLog();
    const clock = testClock();
    const quiet = quietLog(log, () => clock.now());
    quiet.error("tick failed", { reason: "down" });
    clock.pass(10 * MINUTE - 1);
    quiet.error("tick failed", { reason: "down" });
    expect(lines).toEqual([["error", "tick failed", { reason: "down" }]]);
    clock.pass(1);
    quiet.error("tick failed", { reason: "down" });
    quiet.error("tick failed", { reason: "down" });
    expect(lines).toHaveLength(2);
  });

  test("takes lines of another level, message or fields for others, and writes all that only inform", () => {
    const { log, lines } = keptLog();
    const quiet = quietLog(log, () => testClock().now());
    const all = [
      ["error", "failed", { runId: "a" }],
      ["error", "failed", { runId: "b" }],
      ["warn", "failed", { runId: "a" }],
      ["error", "failed again", { runId: "a" }],
      ["info", "started", {}],
      ["info", "started", {}],
    ] as const;
    for (const [level, message, fields] of all) quiet[level](message, fields);
    expect(lines).toEqual(all);
  });

  test("is as loud as before after its clock was put back", () => {
    const { log, lines } = keptLog();
    let now = new Date("2026-11-21T12:00:00Z");
    const quiet = quietLog(log, () => now);
    quiet.warn("slow");
    now = new Date("2026-11-20T12:00:00Z");
    quiet.warn("slow");
    expect(lines).toHaveLength(2);
  });
});

describe("the embedded shape", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-quiet-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("says once, and not in every tick, that the agent of a run is gone", async () => {
    const config = join(folder, "sluice.yml");
    const { log, lines } = keptLog();
    writeFileSync(config, "agents: { a: { backend: local } }");
    const env = { PATH: process.env["PATH"] ?? "" };
    const dataFolder = join(folder, "data");
    const embedded = await openEmbedded({ dataFolder, config, env, cwd: folder, log });
    const command = "while [ -e sluice.yml ]; do sleep 0.1; done";
    await submit(embedded.app, { run_id: "r", flow: { name: "wait", command } });
    await turn(embedded);
    writeFileSync(config, "agents: { renamed: { backend: local } }");
    await turn(embedded);
    await turn(embedded);
    const errors = () => lines.filter(([level]) => level === "error");
    expect(errors()).toEqual([
      ["error", "tick failed in part", { agent: "a", reason: expect.stringContaining("agent a") }],
    ]);
    embedded.close();
  });
});
