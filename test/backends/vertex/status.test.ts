import { describe, expect, it } from "vitest";
import {
  JOB_STATES,
  momentOf,
  statusOf,
  type VertexJob,
} from "../../../src/backends/vertex/status.ts";
import { root } from "../../fakes/vertex-server.ts";

const now = new Date("2026-11-21T12:00:00.000Z");
const started = { seconds: "1795262400", nanos: 123_000_000 };
const startedAt = new Date(1_795_262_400_123).toISOString();

const status = (job: VertexJob) => statusOf(job, now);
const failed = (message: string, job: VertexJob = {}) =>
  status({ state: "JOB_STATE_FAILED", ...job, error: { code: 3, message, ...job.error } });

describe("the status of a CustomJob", () => {
  it("knows every state Google defines, by its number", () => {
    const { values } = root.lookupEnum("google.cloud.aiplatform.v1.JobState");
    expect(Object.fromEntries(JOB_STATES.map((name, number) => [name, number]))).toEqual(values);
  });

  it.each([
    ["JOB_STATE_UNSPECIFIED", { type: "pending", detail: "unspecified" }],
    ["JOB_STATE_QUEUED", { type: "pending", detail: "queued" }],
    ["JOB_STATE_PENDING", { type: "pending", detail: "pending" }],
    ["JOB_STATE_RUNNING", { type: "running", startedAt }],
    ["JOB_STATE_SUCCEEDED", { type: "ended", end: "succeeded", cause: { type: "exit" } }],
    ["JOB_STATE_FAILED", { type: "ended", end: "failed", cause: { type: "exit" } }],
    ["JOB_STATE_CANCELLING", { type: "running", startedAt }],
    ["JOB_STATE_CANCELLED", { type: "ended", end: "cancelled", cause: { type: "requested" } }],
    ["JOB_STATE_PAUSED", { type: "pending", detail: "paused" }],
    ["JOB_STATE_EXPIRED", { type: "ended", end: "timed_out", cause: { type: "deadline" } }],
    ["JOB_STATE_UPDATING", { type: "running", startedAt }],
    ["JOB_STATE_PARTIALLY_SUCCEEDED", { type: "ended", end: "failed", cause: { type: "exit" } }],
  ] as const)("says of %s, by name and by number, what it means", (state, wanted) => {
    const number = JOB_STATES.indexOf(state);
    expect(status({ state, startTime: started })).toMatchObject(wanted);
    expect(status({ state: number, startTime: started })).toEqual(
      status({ state, startTime: started }),
    );
  });

  it.each([42, -1, "JOB_STATE_DREAMING", "", null, undefined])(
    "takes the state %j, which nobody knows, for no end",
    (state) => {
      const job = state === undefined ? {} : { state };
      expect(status(job)).toMatchObject({ type: "pending", detail: `state ${String(state)}` });
    },
  );

  it("calls a job pending that is cancelled before it ran", () => {
    expect(status({ state: "JOB_STATE_CANCELLING" })).toEqual({
      type: "pending",
      detail: "cancelling",
    });
  });

  it("tells a job that ran too long from one that was cancelled", () => {
    const error = { code: 4, message: "The job exceeded its timeout." };
    expect(status({ state: "JOB_STATE_CANCELLED", error })).toMatchObject({ end: "timed_out" });
    expect(
      status({ state: "JOB_STATE_CANCELLED", error: { code: 1, message: "CANCELED" } }),
    ).toEqual({
      type: "ended",
      end: "cancelled",
      cause: { type: "requested", message: "cancelled: CANCELED" },
    });
  });

  it("waits a little for the error of a failed job, and not for ever", () => {
    const end = (minutes: number) => ({ seconds: now.getTime() / 1_000 - minutes * 60 });
    expect(status({ state: "JOB_STATE_FAILED", endTime: end(1) })).toMatchObject({
      type: "pending",
    });
    expect(status({ state: "JOB_STATE_FAILED", endTime: end(4) })).toMatchObject({ type: "ended" });
    expect(failed("Bang.", { endTime: end(1) })).toMatchObject({ type: "ended" });
  });

  it("reads a moment as every transport gives it", () => {
    const moment = "2026-11-21T12:00:00.250Z";
    const seconds = Math.floor(Date.parse(moment) / 1_000);
    const nanos = 250_000_000;
    expect(momentOf({ seconds, nanos })).toBe(moment);
    expect(momentOf({ seconds: String(seconds), nanos })).toBe(moment);
    expect(momentOf({ seconds: { toString: () => String(seconds) }, nanos })).toBe(moment);
    expect([momentOf(null), momentOf({}), momentOf({ seconds: "soon" })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("the cause of a failed CustomJob", () => {
  const replica = "The replica workerpool0-0 exited with a non-zero status of";

  it.each([
    [
      `${replica} 3. Termination reason: Error. \nTo find out more`,
      "failed",
      "exit",
      { exitCode: 3 },
    ],
    ["Replica exited with a non-zero status code 1", "failed", "exit", { exitCode: 1 }],
    [`${replica} 137. Termination reason: Error.`, "failed", "killed", { signal: "SIGKILL" }],
    [`${replica} 9(SIGKILL)`, "failed", "killed", { exitCode: 137, signal: "SIGKILL" }],
    [`${replica} 139.`, "failed", "exit", { signal: "SIGSEGV" }],
    [`${replica} 137. Termination reason: OOMKilled.`, "failed", "out_of_memory", {}],
    [
      "The replica master 0 ran out-of-memory and exited with a non-zero status of 9(SIGKILL)",
      "failed",
      "out_of_memory",
      { signal: "SIGKILL" },
    ],
    [
      "The replica workerpool0-0 ran out of memory and exited with a non-zero status of 247.",
      "failed",
      "out_of_memory",
      { exitCode: 247 },
    ],
    [
      `${replica} 128. Termination reason: StartError. \n Termination log message: failed to create containerd task: no such file`,
      "crashed",
      "start_failed",
      {},
    ],
    [
      `${replica} 1. Termination reason: Error. Traceback: TimeoutError: timed out; image not found; preempted; OOMKilled`,
      "failed",
      "exit",
      { exitCode: 1 },
    ],
    [
      "Resources are insufficient in region: us-central1. Please try",
      "crashed",
      "start_failed",
      {},
    ],
    [
      "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus",
      "crashed",
      "start_failed",
      {},
    ],
    ["Internal error occurred for the current attempt.", "crashed", "infrastructure", {}],
    ["The worker VM was preempted.", "crashed", "reclaimed", {}],
    ["Image gcr.io/p/i:1 is not found.", "crashed", "image", {}],
    ["Unable to pull the image reg/x: permission denied", "crashed", "image", {}],
    ["The job timed out after 3600 s.", "timed_out", "deadline", {}],
  ] as const)("reads %j", (message, end, type, rest) => {
    expect(failed(message, { startTime: started })).toMatchObject({
      type: "ended",
      end,
      cause: { type, message, ...rest },
    });
  });

  it("is a failed start where the job never ran", () => {
    expect(failed("No idea.", { error: { code: 13 } })).toMatchObject({
      end: "crashed",
      cause: { type: "start_failed", message: "No idea." },
    });
  });

  it("is a refusal where the job never ran because of what was asked", () => {
    const error = { code: 7, message: "The service account may not read the image's bucket." };
    expect(status({ state: "JOB_STATE_FAILED", error })).toMatchObject({
      end: "crashed",
      cause: { type: "rejected" },
    });
  });

  it("is the flow's own where the job ran and no reason is known", () => {
    expect(status({ state: "JOB_STATE_FAILED", startTime: started })).toEqual({
      type: "ended",
      end: "failed",
      cause: { type: "exit", message: "Vertex AI gives no reason" },
    });
  });

  it("is kept short, however long the text", () => {
    const { cause } = failed(`${replica} 1. ${"x".repeat(5_000)}`) as {
      cause: { message: string };
    };
    expect(cause.message.length).toBe(400);
    expect(cause.message).toMatch(/^The replica .*x…$/s);
  });
});
