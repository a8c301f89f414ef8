import { describe, expect, it } from "vitest";
import type { ContainerState } from "../../../src/backends/docker/api.ts";
import { statusOf } from "../../../src/backends/docker/status.ts";
import { NEVER } from "../../fakes/docker-containers.ts";

const STARTED = "2026-11-21T08:03:06.306337751Z";
const FINISHED = "2026-11-21T08:03:06.338906409Z";

function state(parts: Partial<ContainerState>): ContainerState {
  return {
    Status: "exited",
    ExitCode: 0,
    OOMKilled: false,
    Error: "",
    StartedAt: STARTED,
    FinishedAt: FINISHED,
    ...parts,
  };
}

const never = { StartedAt: NEVER, FinishedAt: NEVER };

describe("the status of a container", () => {
  it("is no success before the start, though its exit code is 0", () => {
    expect(statusOf(state({ Status: "created", ...never }))).toEqual({
      type: "pending",
      detail: "created",
    });
  });

  it("is a failed start if the engine could not start it", () => {
    const words = 'exec: "nope": executable file not found in $PATH';
    const status = statusOf(state({ Status: "created", ExitCode: 127, Error: words, ...never }));
    expect(status).toMatchObject({
      end: "crashed",
      cause: { type: "start_failed", message: expect.stringContaining(words) },
    });
  });

  it.each(["running", "paused", "restarting"])("%s runs since it was started", (Status) => {
    // A container that was started again still tells when it had finished before.
    expect(statusOf(state({ Status }))).toEqual({
      type: "running",
      startedAt: "2026-11-21T08:03:06.306Z",
    });
  });

  it.each([
    [0, "succeeded", { type: "exit", exitCode: 0 }],
    [3, "failed", { type: "exit", exitCode: 3 }],
    [255, "failed", { type: "exit", exitCode: 255 }],
    [137, "failed", { type: "killed", signal: "SIGKILL", exitCode: 137 }],
    [143, "failed", { type: "killed", signal: "SIGTERM", exitCode: 143 }],
  ])("after exit code %i is %s", (ExitCode, end, cause) => {
    expect(statusOf(state({ ExitCode }))).toMatchObject({ type: "ended", end, cause });
  });

  it("is out of memory before it is killed", () => {
    expect(statusOf(state({ ExitCode: 137, OOMKilled: true }))).toMatchObject({
      end: "failed",
      cause: { type: "out_of_memory", exitCode: 137 },
    });
  });

  it("is a success if only a child of the process ran out of memory", () => {
    expect(statusOf(state({ ExitCode: 0, OOMKilled: true }))).toMatchObject({ end: "succeeded" });
  });

  it("tells what the engine says of the end", () => {
    const status = statusOf(state({ ExitCode: 1, Error: "disk vanished" }));
    expect(status).toMatchObject({ cause: { message: "exit code 1: disk vanished" } });
  });

  it("is still known while the engine removes it", () => {
    expect(statusOf(state({ Status: "removing", ExitCode: 3 }))).toMatchObject({ end: "failed" });
  });

  it("is lost for a dead one", () => {
    expect(statusOf(state({ Status: "dead" }))).toMatchObject({
      end: "crashed",
      cause: { type: "lost" },
    });
  });

  it("is pending under a name the engine has newly learnt", () => {
    expect(statusOf(state({ Status: "hibernating" }))).toEqual({
      type: "pending",
      detail: "status hibernating",
    });
  });
});
