import { expect, test } from "vitest";
import { jsonLogger, silentLogger } from "../src/log.ts";

test("log lines are JSON with a constant message and fields", () => {
  const lines: string[] = [];
  const log = jsonLogger(
    (line) => lines.push(line),
    () => new Date("2026-11-21T12:00:00Z"),
  );
  log.info("run changed state", { runId: "r1" });
  log.warn("message failed");
  log.error("tick failed");
  expect(lines).toEqual([
    '{"time":"2026-11-21T12:00:00.000Z","level":"info","message":"run changed state","runId":"r1"}\n',
    '{"time":"2026-11-21T12:00:00.000Z","level":"warn","message":"message failed"}\n',
    '{"time":"2026-11-21T12:00:00.000Z","level":"error","message":"tick failed"}\n',
  ]);
  expect([silentLogger.info("x"), silentLogger.warn("x"), silentLogger.error("x")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
