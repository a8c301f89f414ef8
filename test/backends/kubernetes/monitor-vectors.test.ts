import { describe, expect, it } from "vitest";
import type {
  ContainerStatusJson,
  JobJson,
  PodJson,
} from "../../../src/backends/kubernetes/objects.ts";
import { judge } from "../../../src/backends/kubernetes/status.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { JobStatus, Run, RunState } from "../../../src/run.ts";
import { stateAfter } from "../../../src/state-after.ts";
import { comparison, readVectors } from "../../compatibility/compare.ts";

interface MonitorVector {
  readonly name: string;
  readonly cluster: { readonly jobs: readonly VectorJob[] };
  readonly expect: {
    readonly calls?: readonly VectorCall[];
    readonly passes?: readonly VectorCall[][];
  };
}

interface VectorJob {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly run_state?: string | null;
  readonly failed?: number;
  readonly succeeded?: number;
  readonly pods?: readonly {
    readonly name: string;
    readonly phase: string;
    readonly containers: readonly VectorContainer[] | null;
  }[];
}

interface VectorContainer {
  readonly name?: string;
  readonly state: {
    readonly running?: true;
    readonly waiting?: { readonly reason: string; readonly message: string };
    readonly terminated?: Readonly<Record<string, string | number>>;
  };
}

interface VectorCall {
  readonly op: string;
  readonly flow_run_id?: string;
  readonly name?: string;
  readonly message_has?: readonly string[];
}

const NOW = "2026-11-21T12:00:00.000Z";
const recorded = comparison("kubernetes_monitor");
const vectors = readVectors<MonitorVector>("kubernetes_monitor");

describe("watching Jobs of Kubernetes", () => {
  it("is recorded in 22 cases", () => {
    expect(vectors).toHaveLength(22);
  });

  it.each(vectors)(
    "$name ends as with Prefect 1.4.1",
    ({ name, cluster, expect: { calls, passes } }) => {
      const all = calls ?? passes?.flat() ?? [];
      // A backend is only asked about Jobs whose runs are stored.
      const asked = cluster.jobs.filter(({ run_state }) => typeof run_state === "string");
      const expected = asked.map((job) => expectedOf(job, all));
      const actual = asked.map((job) => outcomeOf(job, all));
      recorded.compare(name, expected, actual);
    },
  );
});

function expectedOf({ labels }: VectorJob, calls: readonly VectorCall[]): JsonObject {
  const run = labels["prefect.io/flow_run_id"];
  const change = calls.find((call) => call.op === "set_flow_run_state" && call.flow_run_id === run);
  return { fails: change !== undefined, says: change?.message_has ?? [] };
}

function outcomeOf(job: VectorJob, calls: readonly VectorCall[]): JsonObject {
  const patience = { now: new Date(NOW), startMs: 0, pendingMs: 900_000 };
  const evidence = { job: jobJson(job), pods: (job.pods ?? []).map(podJson), events: [] };
  const { status, stop } = judge(evidence, patience);
  const seen: JobStatus = stop === undefined ? status : { type: "ended", ...stop };
  const run = runIn(job.run_state ?? "");
  const observed = { backend: "kubernetes", id: job.name, ref: {} };
  const next = stateAfter(run, { launch: 1, job: observed, status: seen }, NOW);
  const fails = next?.type === "failed" || next?.type === "crashed" || next?.type === "timed_out";
  const { says } = expectedOf(job, calls) as { says: string[] };
  const message = fails ? next.cause.message : "";
  return { fails, says: says.filter((word) => message.includes(word)) };
}

/** Old clusters are recorded by counts; the API says how a Job ended by conditions. */
function jobJson({ name, labels, failed, succeeded }: VectorJob): JobJson {
  const ended = { status: "True", lastTransitionTime: NOW };
  const conditions = [
    ...(succeeded ? [{ type: "Complete", ...ended }] : []),
    ...(failed ? [{ type: "Failed", reason: "BackoffLimitExceeded", ...ended }] : []),
  ];
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "flow" }] } };
  const metadata = { name, uid: name, labels, creationTimestamp: NOW };
  return { metadata, spec: { template }, status: { conditions } };
}

function podJson(pod: NonNullable<VectorJob["pods"]>[number]): PodJson {
  return {
    metadata: { name: pod.name, creationTimestamp: NOW },
    status: {
      phase: pod.phase,
      containerStatuses: pod.containers?.map(containerJson) ?? null,
    },
  };
}

function containerJson({ name = "side", state }: VectorContainer): ContainerStatusJson {
  const { running, waiting, terminated } = state;
  return {
    name,
    state: {
      ...(running ? { running: { startedAt: NOW } } : {}),
      ...(waiting ? { waiting } : {}),
      ...(terminated
        ? {
            terminated: {
              exitCode: Number(terminated["exit_code"]),
              ...(terminated["reason"] ? { reason: String(terminated["reason"]) } : {}),
              ...(terminated["message"] ? { message: String(terminated["message"]) } : {}),
              ...(terminated["signal"] ? { signal: Number(terminated["signal"]) } : {}),
            },
          }
        : {}),
    },
  };
}

function runIn(state: string): Run {
  const launch = { agent: "test", target: "flows", launch: 1, first: NOW };
  const job = { backend: "kubernetes", id: "job", ref: {} };
  const states: Readonly<Record<string, RunState>> = {
    Submitted: { type: "submitted", ...launch, job },
    Running: { type: "running", ...launch, job },
    Success: { type: "succeeded", cause: { type: "exit", message: "exit code 0", exitCode: 0 } },
  };
  return {
    id: "run-1",
    name: "brave-otter",
    flow: { name: "nightly-load" },
    labels: [],
    backend: "kubernetes",
    place: "cloud",
    state: states[state] as RunState,
    since: NOW,
    createdAt: NOW,
    launches: 1,
    revision: 3,
  };
}
