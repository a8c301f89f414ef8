import { afterEach, describe, expect, it } from "vitest";
import { DELETE_LABEL, LAUNCH_LABEL, RUN_LABEL } from "../../../src/backends/kubernetes/names.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { Job, JobStatus, Run, RunState } from "../../../src/run.ts";
import { stateAfter } from "../../../src/state-after.ts";
import { comparison, readVectors } from "../../compatibility/compare.ts";
import { never } from "../../contracts/backend-steps.ts";
import { type FakeKubernetes, fakeKubernetes } from "../../fakes/kubernetes.ts";
import { finish } from "../../fakes/kubernetes-controller.ts";
import {
  type FakeContainerStatus,
  type FakeJob,
  type FakePod,
  newMetadata,
  podsOf,
  remove,
} from "../../fakes/kubernetes-objects.ts";
import { openOn } from "./harness.ts";

interface MonitorVector {
  readonly name: string;
  readonly agent: { readonly delete_finished_jobs?: boolean };
  readonly cluster: {
    readonly jobs: readonly VectorJob[];
    readonly pages?: readonly (readonly string[])[];
  };
  /** The API refuses what the agent says of a run. */
  readonly set_state_fails?: true;
  readonly list_answers?: readonly string[];
  readonly then?: readonly Readonly<Record<string, { readonly pods: readonly VectorPod[] }>>[];
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
  readonly pods?: readonly VectorPod[];
  readonly delete_answer?: number;
}

interface VectorPod {
  readonly name: string;
  readonly phase: string;
  readonly containers: readonly VectorContainer[] | null;
  readonly events?: readonly { at: number | null; reason: string; message: string }[];
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
  readonly level?: string;
  readonly message_has?: readonly string[];
}

const recorded = comparison("kubernetes_monitor");
const vectors = readVectors<MonitorVector>("kubernetes_monitor");

let fake: FakeKubernetes;
afterEach(() => fake.close());

/**
 * Each case is played on a cluster: Sluice looks at the Jobs whose runs are stored and not over, what it
 * finds is stored, and an hour later it tidies up. Compared is, by Job, whether its run fails and with
 * which words, what is told of a pod that waits, pass by pass, and whether the Job is deleted.
 */
describe("watching Jobs of Kubernetes", () => {
  it("is recorded in 22 cases", async () => {
    fake = await fakeKubernetes();
    expect(vectors).toHaveLength(22);
  });

  it.each(vectors)("$name ends as with Prefect 1.4.1", async (vector) => {
    fake = await fakeKubernetes();
    const expected = vector.cluster.jobs.map((job) => expectedOf(job, vector));
    recorded.compare(vector.name, expected, await played(vector));
    expect(fake.faults).toEqual([]);
  });
});

function expectedOf({ name, labels }: VectorJob, vector: MonitorVector): JsonObject {
  const passes = vector.expect.passes ?? [vector.expect.calls ?? []];
  const run = labels["prefect.io/flow_run_id"];
  const change = passes
    .flat()
    .find((call) => call.op === "set_flow_run_state" && call.flow_run_id === run);
  return {
    fails: change !== undefined,
    says: change?.message_has ?? [],
    told: passes.map((calls) => reportsOf(calls, run)),
    deleted: passes.flat().some((call) => call.op === "delete_job" && call.name === name),
  };
}

/** What Prefect wrote to the run's log of events of its pods. */
function reportsOf(calls: readonly VectorCall[], run: string | undefined): string[][] {
  return calls
    .filter(({ op, level }) => op === "write_run_log" && level === "DEBUG")
    .filter(({ flow_run_id }) => flow_run_id === run)
    .map(({ message_has }) => [...(message_has ?? [])]);
}

async function played(vector: MonitorVector): Promise<JsonObject[]> {
  const { cluster, agent, set_state_fails: unstored } = vector;
  for (const job of cluster.jobs) addJob(job);
  if (cluster.pages?.[0] !== undefined) fake.store.pageSize = cluster.pages[0].length;
  const told = await toldInPasses(vector);
  if (vector.list_answers?.includes("410")) {
    const answer = { status: 410, reason: "Expired", message: "too old" };
    fake.faults.push({ method: "GET", path: /continue=/, answer });
  }
  const ends = new Map<string, RunState>();
  const states = new Map(cluster.jobs.map((job) => [job.labels["prefect.io/flow_run_id"], job]));
  const backend = openOn(
    fake,
    {
      start_grace_seconds: 0,
      ...(agent.delete_finished_jobs === false ? { delete_finished_jobs: false } : {}),
    },
    {
      isOver: async (run) =>
        unstored !== true && (ends.has(run) || states.get(run)?.run_state === "Success"),
    },
  );
  const asked = cluster.jobs.filter(({ run_state }) => isUnfinished(run_state));
  const look = async () => {
    if (asked.length === 0) return;
    const statuses = await backend.inspect(asked.map(jobOf));
    for (const [index, job] of asked.entries()) note(ends, job, statuses[index]);
  };
  await look();
  endStopped();
  await look();
  for (const { name, delete_answer: status } of cluster.jobs) {
    if (status === undefined) continue;
    fake.faults.push({ method: "DELETE", path: new RegExp(`/${name}$`), answer: { status } });
  }
  fake.store.now = new Date(fake.store.now.getTime() + 61 * 60_000);
  await backend.tidy?.([jobOf(another())], never());
  return cluster.jobs.map((job, index) => ({
    ...outcomeOf(job, ends, vector),
    told: told[index] ?? [],
    deleted: fake.requests.some(
      (line) => line.startsWith("DELETE") && line.endsWith(`/${job.name}`),
    ),
  }));
}

/** What `sluice explain` would tell of each Job, of one at a time and with the patience agents have. */
async function toldInPasses(vector: MonitorVector): Promise<string[][][][]> {
  const passes = [{}, ...(vector.then ?? [])];
  const backend = openOn(fake);
  const told: string[][][][] = vector.cluster.jobs.map(() => []);
  for (const [pass, change] of passes.entries()) {
    for (const [name, { pods }] of Object.entries(change)) setPods(fake.job(name), pods);
    for (const [index, job] of vector.cluster.jobs.entries()) {
      const expected = (expectedOf(job, vector)["told"] as string[][][])[pass] ?? [];
      const [status] = isUnfinished(job.run_state) ? await backend.inspect([jobOf(job)]) : [];
      const detail = status?.type === "pending" ? (status.detail ?? "") : "";
      told[index]?.push(inTheirOrder(expected, detail));
    }
  }
  return told;
}

/** Those reports all of whose words are told, in the order they are told in. */
function inTheirOrder(reports: readonly string[][], detail: string): string[][] {
  const place = (words: readonly string[]) => detail.indexOf(`${words[0]}: `);
  return reports
    .filter((words) => words.every((word) => detail.includes(word)))
    .sort((a, b) => place(a) - place(b));
}

function isUnfinished(state: string | null | undefined): boolean {
  return state === "Running" || state === "Submitted";
}

function note(ends: Map<string, RunState>, job: VectorJob, status: JobStatus | undefined): void {
  const run = job.labels["prefect.io/flow_run_id"] ?? "";
  if (status === undefined || ends.has(run)) return;
  const seen = { launch: 1, job: jobOf(job), status };
  const next = stateAfter(runIn(job.run_state ?? ""), seen, fake.store.now.toISOString());
  if (next !== undefined && "cause" in next) ends.set(run, next);
}

function outcomeOf(job: VectorJob, ends: Map<string, RunState>, vector: MonitorVector): JsonObject {
  const next = ends.get(job.labels["prefect.io/flow_run_id"] ?? "");
  const fails = next !== undefined && "cause" in next && next.type !== "succeeded";
  const { says } = expectedOf(job, vector) as { says: string[] };
  const message = fails ? next.cause.message : "";
  return { fails, says: says.filter((word) => message.includes(word)) };
}

function jobOf({ name, labels }: VectorJob): Job {
  const run = labels["prefect.io/flow_run_id"] ?? "";
  const ref = { namespace: "flows", name, run, launch: 1, container: "flow" };
  return { backend: "kubernetes", id: `flows/${name}`, ref };
}

/** Another Job of the namespace, which goes on, so that somebody looks. */
function another(): VectorJob {
  const job = { name: "another", labels: { "prefect.io/flow_run_id": "another" } };
  addJob(job);
  return job;
}

/** Old clusters are recorded by counts; the API says how a Job ended by conditions. */
function addJob(vector: VectorJob): void {
  const { store } = fake;
  const run = vector.labels["prefect.io/flow_run_id"];
  const labels = {
    ...vector.labels,
    [DELETE_LABEL]: "true",
    ...(run === undefined ? {} : { [RUN_LABEL]: run, [LAUNCH_LABEL]: "1" }),
  };
  const spec = { restartPolicy: "Never", containers: [{ name: "flow" }] };
  const metadata = newMetadata(store, { name: vector.name, namespace: "flows", labels });
  const job: FakeJob = { metadata, spec: { template: { spec } }, status: {} };
  store.jobs.push(job);
  setPods(job, vector.pods ?? []);
  if (vector.succeeded) finish(store, job, "Complete");
  if (vector.failed) finish(store, job, "Failed", "BackoffLimitExceeded", "has failed");
}

/** Kubernetes ends what Sluice has stopped. */
function endStopped(): void {
  for (const job of fake.store.jobs) {
    if (job.spec.activeDeadlineSeconds === undefined) continue;
    for (const pod of podsOf(fake.store, job)) remove(fake.store.pods, pod);
    finish(fake.store, job, "Failed", "DeadlineExceeded", "was active longer than specified");
  }
}

function setPods(job: FakeJob, pods: readonly VectorPod[]): void {
  const { store } = fake;
  for (const pod of podsOf(store, job)) remove(store.pods, pod);
  store.events.length = 0;
  for (const { name, phase, containers, events = [] } of pods) {
    const { uid, labels = {} } = job.metadata;
    const metadata = newMetadata(store, {
      name,
      namespace: "flows",
      labels,
      ownerReferences: [{ uid }],
    });
    const containerStatuses = containers?.map(containerStatus);
    const status = { phase, ...(containerStatuses === undefined ? {} : { containerStatuses }) };
    const pod: FakePod = { metadata, spec: job.spec.template.spec, status, log: [] };
    store.pods.push(pod);
    for (const { at, reason, message } of events) {
      store.events.push({
        metadata: newMetadata(store, { name: `${name}.${reason}`, namespace: "flows" }),
        involvedObject: { uid: pod.metadata.uid },
        type: "Normal",
        reason,
        message,
        lastTimestamp: at === null ? null : `2022-05-01T12:00:0${at}Z`,
      });
    }
  }
}

function containerStatus({ name = "side", state }: VectorContainer): FakeContainerStatus {
  const { running, waiting, terminated } = state;
  return {
    name,
    state: {
      ...(running ? { running: { startedAt: fake.store.now.toISOString() } } : {}),
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
  const launch = { agent: "test", target: "flows", launch: 1, first: "2026-11-21T11:00:00.000Z" };
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
    since: "2026-11-21T11:00:00.000Z",
    createdAt: "2026-11-21T11:00:00.000Z",
    launches: 1,
    revision: 3,
  };
}
