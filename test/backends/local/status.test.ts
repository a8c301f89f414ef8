import { describe, expect, it } from "vitest";
import type { Trace } from "../../../src/backends/local/folder.ts";
import { statusOf } from "../../../src/backends/local/status.ts";
import type { Job } from "../../../src/run.ts";

const JOB: Job = { backend: "local", id: "17", ref: { run_id: "run-1", launch: 1 } };
const CLAIMED = "2026-11-21T12:00:00.000Z";
const STOP = { stopAskedAt: "2026-11-21T12:01:00.000Z" };

function status(parts: Partial<Trace>) {
  const guard = { pid: 17, start: "1", boot: "b" };
  return statusOf(JOB, { guard, claimedAt: CLAIMED, alive: false, ...parts });
}

describe("the status of a local process", () => {
  it.each<[string, Partial<Trace>, string, string, string]>([
    ["its exit code", { exitCode: 0 }, "ended", "succeeded", "exit"],
    [
      "its exit code, though its guard has not ended yet",
      { exitCode: 2, alive: true },
      "ended",
      "failed",
      "exit",
    ],
    ["the signal that ended it", { exitCode: 137 }, "ended", "failed", "killed"],
    ["nothing at all", {}, "ended", "crashed", "lost"],
    [
      "what the shell said",
      { exitCode: 127, fault: "x: not found" },
      "ended",
      "crashed",
      "start_failed",
    ],
    [
      "an exit code after it was asked to stop",
      { exitCode: 1, ...STOP },
      "ended",
      "cancelled",
      "exit",
    ],
    ["success after it was asked to stop", { exitCode: 0, ...STOP }, "ended", "succeeded", "exit"],
    ["nothing after it was asked to stop", STOP, "ended", "cancelled", "killed"],
  ])("by %s: %j", (_, trace, type, end, cause) => {
    expect(status(trace)).toMatchObject({ type, end, cause: { type: cause } });
  });

  it("is running from its claim on while it lives, asked to stop or not", () => {
    const running = { type: "running", startedAt: CLAIMED };
    expect(status({ alive: true })).toEqual(running);
    expect(status({ alive: true, ...STOP })).toEqual(running);
  });

  it("is lost without a trace", () => {
    const lost = { type: "ended", end: "crashed", cause: { type: "lost" } };
    expect(statusOf(JOB, undefined)).toMatchObject(lost);
  });
});
