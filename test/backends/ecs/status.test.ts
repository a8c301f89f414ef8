import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { undoReason } from "../../../src/backends/ecs/names.ts";
import { statusOf, type TaskView, toTimestamp } from "../../../src/backends/ecs/status.ts";

const ENDED = "Essential container in task exited";

/** A stopped task whose flow ended with this code. */
function stopped(exitCode: number | null | undefined, parts: Partial<TaskView> = {}): TaskView {
  const flow = exitCode === undefined ? { name: "flow" } : { name: "flow", exitCode };
  return {
    lastStatus: "STOPPED",
    stopCode: "EssentialContainerExited",
    stoppedReason: ENDED,
    containers: [flow],
    ...parts,
  };
}

function failedToStart(stoppedReason: string): TaskView {
  return { lastStatus: "STOPPED", stopCode: "TaskFailedToStart", stoppedReason, containers: [] };
}

describe("the status of a task", () => {
  it.each(["PROVISIONING", "PENDING", "ACTIVATING"])("is pending while %s", (lastStatus) => {
    expect(statusOf({ lastStatus })).toEqual({ type: "pending", detail: lastStatus.toLowerCase() });
  });

  it.each(["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "SOMETHING_NEW"])(
    "is running while %s, once it has started",
    (lastStatus) => {
      const startedAt = "2026-11-21T12:00:00Z";
      expect(statusOf({ lastStatus, startedAt })).toEqual({
        type: "running",
        startedAt: "2026-11-21T12:00:00.000Z",
      });
    },
  );

  it("is a failed start if Sluice has undone the launch", () => {
    const stoppedReason = undoReason("sluice/run-1/1");
    expect(statusOf(stopped(143, { stopCode: "UserInitiated", stoppedReason }))).toEqual({
      type: "ended",
      end: "crashed",
      cause: { type: "start_failed", message: stoppedReason },
    });
  });

  it("is running without a start if ECS says no more than RUNNING", () => {
    expect(statusOf({ lastStatus: "RUNNING" })).toEqual({ type: "running" });
  });

  it.each(["STOPPING", "DEPROVISIONING", "SOMETHING_NEW", undefined])(
    "is pending while %s, if it has never started",
    (lastStatus) => {
      expect(statusOf({ lastStatus }).type).toBe("pending");
    },
  );

  it("is ended in a state nobody knows, if it has stopped", () => {
    const task = { ...stopped(0), lastStatus: "SOMETHING_NEW", stoppedAt: 1_795_262_400 };
    expect(statusOf(task)).toMatchObject({ type: "ended", end: "succeeded" });
    expect(statusOf({ ...stopped(0), lastStatus: "DELETED" })).toMatchObject({ end: "succeeded" });
  });

  it("does not end with the warning that its Spot machine is about to go", () => {
    const warning = {
      lastStatus: "RUNNING",
      desiredStatus: "STOPPED",
      stopCode: "TerminationNotice",
      stoppedReason: "Your Spot Task was interrupted.",
      startedAt: new Date(0),
    };
    expect(statusOf(warning).type).toBe("running");
  });

  it("reads moments as the API, events and raw JSON write them", () => {
    const expected = "2026-11-21T12:00:00.250Z";
    expect(toTimestamp(new Date(expected))).toBe(expected);
    expect(toTimestamp("2026-11-21T12:00:00.250Z")).toBe(expected);
    expect(toTimestamp(Date.parse(expected) / 1000)).toBe(expected);
  });
});

describe("the end of a task", () => {
  it.each<[what: string, task: TaskView, end: string, cause: string]>([
    ["exit code 0", stopped(0), "succeeded", "exit"],
    ["exit code 1", stopped(1), "failed", "exit"],
    ["SIGKILL by nobody known", stopped(137), "failed", "killed"],
    ["SIGTERM by nobody known", stopped(143), "failed", "killed"],
    [
      "our own stop",
      stopped(143, {
        stopCode: "UserInitiated",
        stoppedReason: "Stopped by Sluice: the run was cancelled (sluice/run-1/1)",
      }),
      "cancelled",
      "requested",
    ],
    [
      "our own stop of a flow that ended well in spite of it",
      stopped(0, {
        stopCode: "UserInitiated",
        stoppedReason: "Stopped by Sluice: the run was cancelled (sluice/run-1/1)",
      }),
      "cancelled",
      "requested",
    ],
    [
      "somebody else's stop",
      stopped(143, { stopCode: "UserInitiated", stoppedReason: "Task stopped by user" }),
      "failed",
      "killed",
    ],
    [
      "somebody else's stop before it started",
      stopped(undefined, { stopCode: "UserInitiated", stoppedReason: "Task stopped by user" }),
      "crashed",
      "killed",
    ],
    [
      "a Spot reclaim, which also kills",
      stopped(137, {
        stopCode: "SpotInterruption",
        stoppedReason: "Your Spot Task was interrupted.",
      }),
      "crashed",
      "reclaimed",
    ],
    [
      "a Spot reclaim known by its words alone",
      stopped(137, {
        stopCode: "TerminationNotice",
        stoppedReason: "Your Spot Task was interrupted.",
      }),
      "crashed",
      "reclaimed",
    ],
    [
      "a reclaim that left an out-of-memory trace",
      stopped(137, {
        stopCode: "SpotInterruption",
        containers: [{ name: "flow", exitCode: 137, reason: "OutOfMemoryError" }],
      }),
      "crashed",
      "reclaimed",
    ],
    [
      "a sick machine",
      stopped(137, { stopCode: "InfrastructureHealth" }),
      "crashed",
      "infrastructure",
    ],
    [
      "a machine that goes",
      stopped(137, { stopCode: "TerminationNotice" }),
      "crashed",
      "infrastructure",
    ],
    [
      "a terminated host",
      stopped(undefined, {
        stopCode: undefined,
        stoppedReason: "Host EC2 (instance i-0abc) terminated.",
      }),
      "crashed",
      "infrastructure",
    ],
    [
      "too little memory",
      stopped(137, {
        containers: [
          {
            name: "flow",
            exitCode: 137,
            reason: "OutOfMemoryError: Container killed due to memory usage",
          },
        ],
      }),
      "failed",
      "out_of_memory",
    ],
    [
      "too little memory without an exit code",
      stopped(null, { containers: [{ name: "flow", exitCode: null, reason: "OutOfMemoryError" }] }),
      "failed",
      "out_of_memory",
    ],
    ["an exit code nobody knows", stopped(null), "crashed", "infrastructure"],
    ["nothing at all", { lastStatus: "STOPPED" }, "crashed", "infrastructure"],
    ["no capacity", failedToStart("TaskFailedToStart: RESOURCE:MEMORY"), "crashed", "start_failed"],
    ["no agent", failedToStart("TaskFailedToStart: AGENT"), "crashed", "start_failed"],
    ["an unknown fault of the start", failedToStart(""), "crashed", "start_failed"],
    [
      "a network interface that took too long",
      failedToStart("Timeout waiting for network interface provisioning to complete."),
      "crashed",
      "start_failed",
    ],
    [
      "a registry that took too long",
      failedToStart("CannotPullContainerError: pull image: i/o timeout"),
      "crashed",
      "start_failed",
    ],
    [
      "an image that is not there",
      failedToStart("CannotPullContainerError: docker.io/team/etl:9: not found"),
      "crashed",
      "image",
    ],
    [
      "a secret that may not be read",
      failedToStart("ResourceInitializationError: unable to pull secrets: AccessDeniedException"),
      "crashed",
      "rejected",
    ],
    [
      "a command that is not there",
      stopped(undefined, {
        containers: [
          {
            name: "flow",
            reason: 'CannotStartContainerError: exec: "nope": executable file not found in $PATH',
          },
        ],
      }),
      "crashed",
      "rejected",
    ],
    [
      "an attribute no machine has",
      failedToStart("TaskFailedToStart: ATTRIBUTE"),
      "crashed",
      "rejected",
    ],
  ])("by %s", (_what, task, end, cause) => {
    const status = statusOf(task);
    expect(status).toMatchObject({ type: "ended", end, cause: { type: cause } });
    expect(status.type === "ended" && status.cause.message).not.toBe("");
  });

  it("is told by the flow's container alone, whatever becomes of those beside it", () => {
    const containers = [
      { name: "proxy", exitCode: 137, reason: "OutOfMemoryError" },
      { name: "flow", exitCode: 0 },
    ];
    expect(statusOf(stopped(0, { containers }))).toMatchObject({ end: "succeeded" });
    const others = [
      { name: "proxy", exitCode: 0 },
      { name: "flow", exitCode: 2 },
    ];
    expect(statusOf(stopped(0, { containers: others }))).toMatchObject({ end: "failed" });
  });

  it("is told by the only container, if none has the flow's name", () => {
    expect(statusOf(stopped(0, { containers: [{ name: "main", exitCode: 4 }] }))).toMatchObject({
      cause: { exitCode: 4 },
    });
    expect(
      statusOf(stopped(0, { containers: [{ name: "a", exitCode: 4 }, { name: "b" }] })),
    ).toMatchObject({
      cause: { type: "infrastructure" },
    });
  });

  it("has the exit code, and what ECS says beyond the usual", () => {
    expect(statusOf(stopped(3))).toEqual({
      type: "ended",
      end: "failed",
      cause: { type: "exit", message: "exit code 3", exitCode: 3 },
    });
    expect(
      statusOf(stopped(143, { stopCode: "UserInitiated", stoppedReason: "Task stopped by user" })),
    ).toMatchObject({
      cause: {
        message: "ended by SIGTERM (exit code 143): Task stopped by user",
        signal: "SIGTERM",
      },
    });
  });

  it("is always one of the known kinds, whatever ECS may say", () => {
    const text = fc.option(fc.oneof(fc.string(), fc.constantFrom("RESOURCE:CPU", ENDED)), {
      nil: undefined,
    });
    const containers = fc.array(
      fc.record({
        name: fc.constantFrom("flow", "side"),
        exitCode: fc.option(fc.integer({ min: 0, max: 255 }), { nil: null }),
        reason: fc.option(fc.string(), { nil: null }),
      }),
    );
    const task = fc.record({ stopCode: text, stoppedReason: text, containers });
    fc.assert(
      fc.property(task, (parts) => {
        const status = statusOf({ ...parts, lastStatus: "STOPPED" });
        expect(status.type).toBe("ended");
        if (status.type !== "ended") return;
        const flow = parts.containers.find(({ name }) => name === "flow");
        if (status.end === "succeeded") expect((flow ?? parts.containers[0])?.exitCode).toBe(0);
      }),
    );
  });
});
