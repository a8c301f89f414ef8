import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Evidence } from "../../../src/backends/kubernetes/evidence.ts";
import { puzzleOf } from "../../../src/backends/kubernetes/hopeless.ts";
import { STOPPED } from "../../../src/backends/kubernetes/names.ts";
import type {
  ConditionJson,
  ContainerStatusJson,
  EventJson,
  JobJson,
  PodJson,
} from "../../../src/backends/kubernetes/objects.ts";
import { judge, needsPods } from "../../../src/backends/kubernetes/status.ts";
import { CANCELLED, stopPatch } from "../../../src/backends/kubernetes/stop.ts";

const NOW = new Date("2026-11-21T12:00:00Z");
const patience = { now: NOW, startMs: 120_000, pendingMs: 900_000 };

/** A time some seconds ago. */
function ago(seconds: number): string {
  return new Date(NOW.getTime() - seconds * 1000).toISOString().replace(".000", "");
}

function job(status: JobJson["status"] = {}, more: JobJson = {}): JobJson {
  const containers = [{ name: "flow" }];
  return {
    metadata: { name: "job", uid: "job-uid", creationTimestamp: ago(1000), ...more.metadata },
    spec: { template: { spec: { restartPolicy: "Never", containers } }, ...more.spec },
    status,
  };
}

function failed(reason = "BackoffLimitExceeded", message = "Job has reached the limit"): JobJson {
  return job({ conditions: [{ type: "Failed", status: "True", reason, message }] });
}

function stopped(end = CANCELLED): JobJson {
  const patch = stopPatch(end) as { metadata: { annotations: Record<string, string> } };
  return { ...failed("DeadlineExceeded", "too long"), metadata: patch.metadata };
}

function pod(status: PodJson["status"], metadata: PodJson["metadata"] = {}): PodJson {
  return {
    metadata: { name: "p1", uid: "pod-uid", creationTimestamp: ago(1000), ...metadata },
    status: { startTime: ago(1000), ...status },
  };
}

function over(terminated: object, more: PodJson["status"] = {}): PodJson {
  const state = { terminated: { exitCode: 0, ...terminated } };
  return pod({ phase: "Failed", containerStatuses: [{ name: "flow", state }], ...more });
}

function waiting(reason: string, message = "says Kubernetes"): ContainerStatusJson {
  return { name: "flow", state: { waiting: { reason, message } } };
}

/** An init container that has done its work. */
function initialized(name: string, seconds: number): ContainerStatusJson {
  return { name, state: { terminated: { exitCode: 0, finishedAt: ago(seconds) } } };
}

function verdict(evidence: Partial<Evidence> & { job: JobJson }) {
  return judge({ pods: [], events: [], ...evidence }, patience);
}

function ended(evidence: Partial<Evidence> & { job: JobJson }) {
  const { status } = verdict(evidence);
  if (status.type !== "ended") throw new Error(`expected an end, got ${JSON.stringify(status)}`);
  return status;
}

describe("a Job that is complete", () => {
  it("has succeeded, whatever else is said of it", () => {
    const complete: ConditionJson = { type: "Complete", status: "True" };
    expect(ended({ job: job({ conditions: [complete] }) })).toMatchObject({
      end: "succeeded",
      cause: { type: "exit", exitCode: 0 },
    });
    expect(ended({ job: { ...stopped(), status: { conditions: [complete] } } }).end).toBe(
      "succeeded",
    );
  });

  it("is not over while its condition is only announced", () => {
    const conditions = [
      { type: "SuccessCriteriaMet", status: "True" },
      { type: "Complete", status: "False" },
    ];
    expect(verdict({ job: job({ conditions, ready: 1 }) }).status.type).toBe("running");
    const announced = [{ type: "FailureTarget", status: "True", reason: "BackoffLimitExceeded" }];
    const pods = [over({ exitCode: 1 })];
    expect(verdict({ job: job({ conditions: announced }), pods }).status.type).toBe("running");
  });
});

describe("a failed Job", () => {
  it.each([
    ["its exit code", over({ exitCode: 3, reason: "Error" }), "failed", "exit"],
    ["an unexplained kill", over({ exitCode: 137, reason: "Error" }), "failed", "killed"],
    ["a lack of memory", over({ exitCode: 137, reason: "OOMKilled" }), "failed", "out_of_memory"],
    ["a lack of memory that left 0", over({ reason: "OOMKilled" }), "failed", "out_of_memory"],
    [
      "a command that is not there",
      over({ exitCode: 128, reason: "StartError" }),
      "crashed",
      "rejected",
    ],
    [
      "a machine that forgot it",
      over({ exitCode: 137, reason: "ContainerStatusUnknown" }),
      "crashed",
      "infrastructure",
    ],
    ["an eviction", over({ exitCode: 137 }, { reason: "Evicted" }), "crashed", "reclaimed"],
    [
      "a disk that it filled itself",
      over(
        { exitCode: 137 },
        {
          reason: "Evicted",
          message: "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.",
        },
      ),
      "crashed",
      "killed",
    ],
    [
      "preemption",
      over({ exitCode: 143 }, disrupted("PreemptionByScheduler")),
      "crashed",
      "reclaimed",
    ],
    [
      "an API eviction",
      over({ exitCode: 143 }, disrupted("EvictionByEvictionAPI")),
      "crashed",
      "reclaimed",
    ],
    [
      "a shutdown",
      over({ exitCode: 143 }, disrupted("TerminationByKubelet")),
      "crashed",
      "reclaimed",
    ],
    [
      "an unreachable machine",
      over({}, disrupted("DeletionByTaintManager")),
      "crashed",
      "infrastructure",
    ],
    ["a machine that is gone", over({}, disrupted("DeletionByPodGC")), "crashed", "infrastructure"],
    ["a lost machine", over({}, { reason: "NodeLost" }), "crashed", "infrastructure"],
    [
      "a machine without room",
      pod({ phase: "Failed", reason: "OutOfcpu", message: "Node didn't have enough resource" }),
      "crashed",
      "start_failed",
    ],
    [
      "the deadline of its pod",
      pod({ phase: "Failed", reason: "DeadlineExceeded", message: "Pod was active too long" }),
      "timed_out",
      "deadline",
    ],
    [
      "an init container",
      pod({
        phase: "Failed",
        initContainerStatuses: [{ name: "fetch", state: { terminated: { exitCode: 7 } } }],
        containerStatuses: [waiting("PodInitializing")],
      }),
      "crashed",
      "rejected",
    ],
    ["a pod that is silent", pod({ phase: "Failed" }), "crashed", "infrastructure"],
  ])("ends by %s", (_, evidence, end, type) => {
    expect(ended({ job: failed(), pods: [evidence] })).toMatchObject({ end, cause: { type } });
  });

  it("tells pod, container, reason, signal and message", () => {
    const terminated = {
      exitCode: 137,
      reason: "OOMKilled",
      message: "out of memory\n",
      signal: 9,
    };
    const { cause } = ended({ job: failed(), pods: [over(terminated)] });
    expect(cause).toEqual({
      type: "out_of_memory",
      exitCode: 137,
      signal: "SIGKILL",
      message:
        "ended by SIGKILL (exit code 137), container flow, OOMKilled, signal 9 (pod p1): out of memory",
    });
  });

  it("has succeeded if the flow did and only another container failed", () => {
    const containerStatuses = [
      { name: "proxy", state: { terminated: { exitCode: 1, reason: "Error" } } },
      { name: "flow", state: { terminated: { exitCode: 0, reason: "Completed" } } },
    ];
    const pods = [pod({ phase: "Failed", containerStatuses })];
    expect(ended({ job: failed(), pods }).end).toBe("succeeded");
  });

  it("does not take the 0 of a flow for success that was taken away", () => {
    const pods = [over({ exitCode: 0 }, disrupted("EvictionByEvictionAPI"))];
    expect(ended({ job: failed(), pods }).end).toBe("crashed");
  });

  it("is judged by its last pod, not by an earlier one", () => {
    const first = {
      ...over({ exitCode: 1 }),
      metadata: { name: "p0", creationTimestamp: ago(2000) },
    };
    const second = over({ exitCode: 2 });
    expect(ended({ job: failed(), pods: [second, first] }).cause.exitCode).toBe(2);
    expect(ended({ job: failed(), pods: [first, second] }).cause.exitCode).toBe(2);
  });

  it("is lost to its machine if no pod is left", () => {
    expect(ended({ job: failed() })).toMatchObject({
      end: "crashed",
      cause: {
        type: "infrastructure",
        message: "BackoffLimitExceeded: Job has reached the limit; no pod is left to say why",
      },
    });
  });

  it("has failed without a pod where Kubernetes restarts containers and then deletes the pod", () => {
    const template = { spec: { restartPolicy: "OnFailure", containers: [{ name: "flow" }] } };
    const restarted = { ...failed(), spec: { template } };
    expect(ended({ job: restarted })).toMatchObject({ end: "failed", cause: { type: "exit" } });
  });

  it("is timed out by the deadline of its template", () => {
    expect(ended({ job: failed("DeadlineExceeded", "too long") })).toMatchObject({
      end: "timed_out",
      cause: { type: "deadline", message: "DeadlineExceeded: too long" },
    });
  });

  it("runs on while one of its pods still stops, but not for ever", () => {
    const stopping = (deletionTimestamp: string) =>
      pod({ phase: "Running" }, { deletionTimestamp, creationTimestamp: ago(2000) });
    const current = failed();
    expect(verdict({ job: current, pods: [stopping(ago(10))] }).status.type).toBe("running");
    expect(verdict({ job: current, pods: [pod({ phase: "Running" })] }).status.type).toBe(
      "running",
    );
    expect(ended({ job: current, pods: [stopping(ago(301))] }).end).toBe("crashed");
  });
});

function disrupted(reason: string): NonNullable<PodJson["status"]> {
  return {
    conditions: [{ type: "DisruptionTarget", status: "True", reason, message: "by the cluster" }],
  };
}

describe("a Job that Sluice stopped", () => {
  it("ends as Sluice said", () => {
    expect(ended({ job: stopped() })).toMatchObject({
      end: "cancelled",
      cause: { type: "requested" },
    });
  });

  it("ends by itself if its flow was faster", () => {
    expect(ended({ job: stopped(), pods: [over({ exitCode: 0 })] }).end).toBe("succeeded");
    expect(ended({ job: stopped(), pods: [over({ exitCode: 5 })] })).toMatchObject({
      end: "failed",
      cause: { exitCode: 5 },
    });
    const faster = { ...failed(), metadata: stopped().metadata as object };
    expect(ended({ job: faster, pods: [over({ exitCode: 5 })] }).end).toBe("failed");
  });

  it.each([
    ["the deadline that stopped it", stopped()],
    // A controller that could not note the deadline finds the deleted pod failed when it tries again.
    ["its pod", { ...failed(), metadata: stopped().metadata as object }],
  ])("ends so too if Kubernetes gives %s as the reason", (_, current) => {
    const killed = over({ exitCode: 143 });
    const going = [{ ...killed, metadata: { ...killed.metadata, deletionTimestamp: ago(5) } }];
    expect(ended({ job: current, pods: going }).end).toBe("cancelled");
    expect(ended({ job: current }).end).toBe("cancelled");
  });

  it("is not stopped again", () => {
    const current = { ...job({ active: 1 }), metadata: stopped().metadata as object };
    const pods = [pod({ phase: "Pending", containerStatuses: [waiting("ErrImagePull")] })];
    expect(verdict({ job: current, pods })).toEqual({
      status: { type: "pending", detail: "ErrImagePull: says Kubernetes" },
    });
  });

  it.each(["", "{", "[]", '{"end":"gone"}', '{"end":"failed"}'])(
    "ignores the mark %j of others",
    (mark) => {
      const current = failed("DeadlineExceeded", "too long");
      const marked = { ...current, metadata: { annotations: { [STOPPED]: mark } } };
      expect(ended({ job: marked }).end).toBe("timed_out");
    },
  );
});

describe("a Job that has not ended", () => {
  it("is pending until its container runs, and says what for", () => {
    expect(verdict({ job: job() }).status).toEqual({ type: "pending", detail: "no pod yet" });
    const unplaced = pod({
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no room" },
      ],
    });
    const fresh = {
      ...unplaced,
      metadata: { creationTimestamp: ago(5) },
      status: { ...unplaced.status, startTime: ago(5) },
    };
    expect(verdict({ job: job({ active: 1 }), pods: [fresh] }).status).toEqual({
      type: "pending",
      detail: "Unschedulable: no room",
    });
    const creating = pod({
      phase: "Pending",
      containerStatuses: [{ name: "flow", state: { waiting: { reason: "ContainerCreating" } } }],
    });
    expect(verdict({ job: job({ active: 1 }), pods: [creating] }).status).toEqual({
      type: "pending",
      detail: "ContainerCreating",
    });
  });

  it("runs since its container does", () => {
    const state = { running: { startedAt: "2026-11-21T11:59:00Z" } };
    const pods = [pod({ phase: "Running", containerStatuses: [{ name: "flow", state }] })];
    expect(verdict({ job: job({ active: 1 }), pods }).status).toEqual({
      type: "running",
      startedAt: "2026-11-21T11:59:00.000Z",
    });
  });

  it("runs without a look at its pods where Kubernetes counts a ready one", () => {
    const ready = job({ active: 1, ready: 1, startTime: "2026-11-21T11:58:00Z" });
    expect(needsPods(ready)).toBe(false);
    expect(verdict({ job: ready }).status).toEqual({
      type: "running",
      startedAt: "2026-11-21T11:58:00.000Z",
    });
  });

  it("goes on when a failed pod is replaced", () => {
    const first = {
      ...over({ exitCode: 1 }, disrupted("EvictionByEvictionAPI")),
      metadata: { creationTimestamp: ago(500) },
    };
    const state = { running: { startedAt: ago(5) } };
    const second = pod(
      { phase: "Running", containerStatuses: [{ name: "flow", state }] },
      { creationTimestamp: ago(8) },
    );
    for (const pods of [
      [first, second],
      [second, first],
    ]) {
      expect(verdict({ job: job({ active: 1 }), pods })).toMatchObject({
        status: { type: "running" },
      });
    }
  });

  it("is pending while it is suspended, however long", () => {
    const current = job(
      { conditions: [{ type: "Suspended", status: "True" }] },
      { spec: { suspend: true } },
    );
    expect(verdict({ job: current })).toEqual({ status: { type: "pending", detail: "suspended" } });
    expect(needsPods(current)).toBe(false);
  });
});

describe("a hopeless Job", () => {
  const active = job({ active: 1 });

  it.each(["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])(
    "is one whose image is answered with %s for too long",
    (reason) => {
      const pods = [
        pod({ phase: "Pending", startTime: ago(120), containerStatuses: [waiting(reason)] }),
      ];
      expect(verdict({ job: active, pods }).stop).toEqual({
        end: "crashed",
        cause: { type: "image", message: `container flow of pod p1: ${reason}: says Kubernetes` },
      });
      const soon = [
        pod({ phase: "Pending", startTime: ago(119), containerStatuses: [waiting(reason)] }),
      ];
      expect(verdict({ job: active, pods: soon }).stop).toBeUndefined();
    },
  );

  it("is one whose secret is missing", () => {
    const pods = [
      pod({ phase: "Pending", containerStatuses: [waiting("CreateContainerConfigError")] }),
    ];
    expect(verdict({ job: active, pods }).stop?.cause.type).toBe("rejected");
  });

  it("is one whose init container gets no image", () => {
    const pods = [pod({ phase: "Pending", initContainerStatuses: [waiting("ErrImagePull")] })];
    expect(verdict({ job: active, pods }).stop?.cause.type).toBe("image");
  });

  it.each<[string, (seconds: number) => PodJson["status"]]>([
    [
      "its pod was initialized",
      (seconds) => ({
        conditions: [{ type: "Initialized", status: "True", lastTransitionTime: ago(seconds) }],
        containerStatuses: [waiting("ErrImagePull")],
      }),
    ],
    [
      "the init container before it ended",
      (seconds) => ({
        initContainerStatuses: [initialized("first", 900), initialized("second", seconds)],
        containerStatuses: [waiting("ErrImagePull")],
      }),
    ],
    [
      "the init container before it ended, which is one itself",
      (seconds) => ({
        initContainerStatuses: [initialized("first", seconds), waiting("ErrImagePull")],
      }),
    ],
    [
      "it ended itself, and is started again",
      (seconds) => {
        const lastState = { terminated: { exitCode: 1, finishedAt: ago(seconds) } };
        return { containerStatuses: [{ ...waiting("ErrImagePull"), lastState }] };
      },
    ],
  ])("is one whose container got no image for too long after %s", (_, status) => {
    const at = (seconds: number) => [pod({ phase: "Pending", ...status(seconds) })];
    expect(verdict({ job: active, pods: at(120) }).stop?.cause.type).toBe("image");
    expect(verdict({ job: active, pods: at(119) }).stop).toBeUndefined();
  });

  it("is one whose container gets no image, though another one was started again just now", () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: ago(1) } };
    const other = { name: "other", state: { running: { startedAt: ago(0) } }, lastState };
    const containerStatuses = [other, waiting("ErrImagePull")];
    const pods = [pod({ phase: "Running", containerStatuses })];
    expect(verdict({ job: active, pods }).stop?.cause.type).toBe("image");
  });

  it("is one no machine takes", () => {
    const place = (seconds: number, reason = "Unschedulable") => {
      const lastTransitionTime = ago(seconds);
      const unplaced = {
        type: "PodScheduled",
        status: "False",
        reason,
        message: "no room",
        lastTransitionTime,
      };
      return [pod({ phase: "Pending", conditions: [unplaced] })];
    };
    expect(verdict({ job: active, pods: place(900) }).stop).toEqual({
      end: "crashed",
      cause: { type: "start_failed", message: "Unschedulable (pod p1): no room" },
    });
    expect(verdict({ job: active, pods: place(899) }).stop).toBeUndefined();
    expect(verdict({ job: active, pods: place(900, "SchedulingGated") }).stop).toBeUndefined();
  });

  it("is one whose pod cannot be made", () => {
    const events: EventJson[] = [
      { type: "Warning", reason: "FailedCreate", message: "exceeded quota", lastTimestamp: ago(3) },
    ];
    expect(puzzleOf(job(), [], patience)).toBe("job-uid");
    expect(verdict({ job: job(), events }).stop?.cause).toEqual({
      type: "start_failed",
      message: "no pod was made: FailedCreate: exceeded quota",
    });
    expect(verdict({ job: job() }).stop?.cause.message).toContain("does not say why");
    const young = job({}, { metadata: { creationTimestamp: ago(899), uid: "u" } });
    expect(verdict({ job: young, events }).stop).toBeUndefined();
    expect(puzzleOf(young, [], patience)).toBeUndefined();
  });

  it("is one whose last event is a warning, not one that still pulls its image", () => {
    const pods = [pod({ phase: "Pending", containerStatuses: [waiting("ContainerCreating")] })];
    expect(puzzleOf(active, pods, patience)).toBe("pod-uid");
    const warning = {
      type: "Warning",
      reason: "FailedMount",
      message: "no volume",
      lastTimestamp: ago(60),
    };
    const pulling = {
      type: "Normal",
      reason: "Pulling",
      message: "pulling",
      lastTimestamp: ago(30),
    };
    expect(verdict({ job: active, pods, events: [warning] }).stop?.cause).toEqual({
      type: "start_failed",
      message: "pod p1 does not start: FailedMount: no volume",
    });
    expect(verdict({ job: active, pods, events: [warning, pulling] }).stop).toBeUndefined();
    expect(verdict({ job: active, pods, events: [] }).stop).toBeUndefined();
  });

  it("is none whose init container took long, until its pod has not started long after that", () => {
    const message = "Failed to pull image: i/o timeout";
    const events = [{ type: "Warning", reason: "Failed", message, lastTimestamp: ago(3) }];
    const at = (seconds: number) => {
      const initContainerStatuses = [initialized("download", seconds)];
      const containerStatuses = [waiting("ContainerCreating")];
      const startTime = ago(10_000);
      return [pod({ phase: "Pending", startTime, initContainerStatuses, containerStatuses })];
    };
    expect(puzzleOf(active, at(899), patience)).toBeUndefined();
    expect(verdict({ job: active, pods: at(899), events }).stop).toBeUndefined();
    expect(puzzleOf(active, at(900), patience)).toBe("pod-uid");
    expect(verdict({ job: active, pods: at(900), events }).stop?.cause.type).toBe("start_failed");
  });

  it("is one whose flow has ended while another container goes on", () => {
    const containerStatuses = (seconds: number) => [
      { name: "flow", state: { terminated: { exitCode: 4, finishedAt: ago(seconds) } } },
      { name: "proxy", state: { running: { startedAt: ago(900) } } },
    ];
    const at = (seconds: number) => [
      pod({ phase: "Running", containerStatuses: containerStatuses(seconds) }),
    ];
    expect(verdict({ job: active, pods: at(120) })).toMatchObject({
      status: { type: "running" },
      stop: { end: "failed", cause: { type: "exit", exitCode: 4 } },
    });
    expect(verdict({ job: active, pods: at(119) }).stop).toBeUndefined();
  });

  it("is none that runs", () => {
    const state = { running: { startedAt: ago(90_000) } };
    const pods = [pod({ phase: "Running", containerStatuses: [{ name: "flow", state }] })];
    expect(puzzleOf(active, pods, patience)).toBeUndefined();
    const events = [
      { type: "Warning", reason: "Unhealthy", message: "slow", lastTimestamp: ago(3) },
    ];
    expect(verdict({ job: active, pods, events }).stop).toBeUndefined();
  });
});

describe("judging", () => {
  const text = fc.constantFrom(
    "",
    "Failed",
    "Complete",
    "Running",
    "Pending",
    "Evicted",
    "True",
    "x",
  );
  const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const conditions = fc.array(fc.record({ type: text, status: text, reason: text, message: text }));
  const time = fc.constantFrom(ago(0), ago(500), ago(5000));
  const container = fc.record(
    {
      name: fc.constantFrom("flow", "side"),
      state: fc.record(
        {
          waiting: fc.record({ reason: text, message: text }),
          running: fc.record({ startedAt: time }),
          terminated: fc.record({ exitCode: fc.integer({ min: 0, max: 255 }), reason: text }),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ["name"] },
  );
  const pods = fc.array(
    fc.record({
      metadata: fc.record({ creationTimestamp: time, deletionTimestamp: some(time) }),
      status: some(
        fc.record({
          phase: text,
          reason: text,
          conditions,
          containerStatuses: fc.option(fc.array(container, { maxLength: 2 })),
        }),
      ),
    }),
    { maxLength: 3 },
  );

  it("never throws, whatever is missing, and ends nothing that has no condition", () => {
    fc.assert(
      fc.property(conditions, pods, some(fc.integer({ min: 0, max: 2 })), (given, found, ready) => {
        const current = job({ conditions: given, ...(ready === undefined ? {} : { ready }) });
        const evidence = { job: current, pods: found as PodJson[], events: [] };
        const { status, stop } = judge(evidence, patience);
        const final = given.some(
          ({ type, status: holds }) =>
            holds === "True" && (type === "Complete" || type === "Failed"),
        );
        if (!final) expect(status.type).not.toBe("ended");
        if (final) expect(stop).toBeUndefined();
      }),
    );
  });
});
