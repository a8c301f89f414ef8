import {
  conditionOf,
  type FakeContainer,
  type FakeJob,
  type FakePod,
  type FakeStore,
  isFinished,
  newMetadata,
  podsOf,
  remove,
  stamp,
  touch,
} from "./kubernetes-objects.ts";
import { wordsOf } from "./words.ts";

/** How this cluster differs from a new one. */
export interface ClusterKind {
  /** Up to 1.30 a Job is called failed while its pods still stop. */
  readonly failsEarly: boolean;
  /** Up to 1.23 a Job does not say how many of its pods are ready. */
  readonly withoutReady: boolean;
}

/** One round of the Job controller, the scheduler and the kubelet. */
export function round(store: FakeStore, kind: ClusterKind): void {
  for (const pod of store.pods.slice()) stepPod(store, pod);
  for (const job of store.jobs.slice()) stepJob(store, job, kind);
}

function stepJob(store: FakeStore, job: FakeJob, kind: ClusterKind): void {
  if (isFinished(job)) return collect(store, job);
  const pods = podsOf(store, job);
  const active = pods.filter(
    ({ status }) => status.phase === "Pending" || status.phase === "Running",
  );
  if (job.spec.suspend === true) {
    for (const pod of active) terminate(store, pod);
    return settle(store, job, [], kind);
  }
  job.status.startTime ??= stamp(store);
  if (isPastDeadline(store, job)) {
    for (const pod of active) terminate(store, pod);
    settle(store, job, [], kind);
    if (active.length > 0 && !kind.failsEarly) return;
    return finish(
      store,
      job,
      "Failed",
      "DeadlineExceeded",
      "Job was active longer than specified deadline",
    );
  }
  if (pods.some(({ status }) => status.phase === "Succeeded"))
    return finish(store, job, "Complete");
  const failed = pods.filter(({ status }) => status.phase === "Failed").length;
  job.status.failed = failed;
  if (failed > (job.spec.backoffLimit ?? 6)) {
    return finish(
      store,
      job,
      "Failed",
      "BackoffLimitExceeded",
      "Job has reached the specified backoff limit",
    );
  }
  if (active.length === 0) makePod(store, job);
  settle(store, job, podsOf(store, job), kind);
}

function isPastDeadline(store: FakeStore, { metadata, spec, status }: FakeJob): boolean {
  if (store.deadlinesMissed.has(metadata.uid)) return false;
  if (spec.activeDeadlineSeconds === undefined || status.startTime === undefined) return false;
  return store.now.getTime() - Date.parse(status.startTime) >= spec.activeDeadlineSeconds * 1000;
}

/** Ends a Job as the Job controller does. */
export function finish(
  store: FakeStore,
  job: FakeJob,
  type: "Complete" | "Failed",
  reason?: string,
  message?: string,
): void {
  const condition = { type, status: "True", lastTransitionTime: stamp(store) };
  job.status = {
    ...job.status,
    active: 0,
    ready: 0,
    conditions: [
      ...(job.status.conditions ?? []),
      {
        ...condition,
        ...(reason === undefined ? {} : { reason }),
        ...(message === undefined ? {} : { message }),
      },
    ],
  };
  touch(store, job);
}

function settle(store: FakeStore, job: FakeJob, pods: FakePod[], kind: ClusterKind): void {
  const active = pods.filter(
    ({ status }) => status.phase === "Pending" || status.phase === "Running",
  );
  const ready = active.filter(({ status }) =>
    status.containerStatuses?.every(({ state }) => state.running !== undefined),
  );
  const before = JSON.stringify(job.status);
  job.status.active = active.length;
  if (!kind.withoutReady) job.status.ready = ready.length;
  if (JSON.stringify(job.status) !== before) touch(store, job);
}

/** Deletes a finished Job once its lifetime is over. */
function collect(store: FakeStore, job: FakeJob): void {
  const ttl = job.spec.ttlSecondsAfterFinished;
  const end = conditionOf(job, "Complete") ?? conditionOf(job, "Failed");
  if (ttl === undefined || end?.lastTransitionTime === undefined) return;
  if (store.now.getTime() - Date.parse(end.lastTransitionTime) < ttl * 1000) return;
  for (const pod of podsOf(store, job)) remove(store.pods, pod);
  remove(store.jobs, job);
}

function makePod(store: FakeStore, job: FakeJob): void {
  const { name, namespace, uid } = job.metadata;
  const { template } = job.spec;
  const count = podsOf(store, job).length;
  store.pods.push({
    metadata: newMetadata(store, {
      name: `${name}-${String(count).padStart(5, "0")}`,
      namespace,
      labels: { ...template.metadata?.labels, "job-name": name },
      ownerReferences: [{ uid }],
    }),
    spec: structuredClone(template.spec),
    status: { phase: "Pending" },
    log: [],
  });
}

/** Asks a pod to stop; it is gone after the next round. */
export function terminate(store: FakeStore, pod: FakePod): void {
  pod.metadata.deletionTimestamp ??= stamp(store);
}

/** Pods go from waiting for a machine to being made, to running, to their end, a round each. */
function stepPod(store: FakeStore, pod: FakePod): void {
  if (pod.metadata.deletionTimestamp !== undefined) return remove(store.pods, pod);
  const flow = pod.spec.containers[0];
  if (flow === undefined) return;
  if (pod.status.phase === "Running") return endContainer(store, pod, flow);
  if (pod.status.phase !== "Pending") return;
  if (pod.spec.nodeSelector?.["machine"] === "none") return leaveUnscheduled(store, pod);
  if (pod.status.startTime === undefined) {
    pod.status.startTime = stamp(store);
    pod.status.conditions = [
      { type: "PodScheduled", status: "True", lastTransitionTime: stamp(store) },
    ];
    pod.status.containerStatuses = pod.spec.containers.map(({ name }) => ({
      name,
      state: { waiting: { reason: "ContainerCreating" } },
    }));
    return;
  }
  if (flow.image?.startsWith("missing")) return refuseImage(pod, flow);
  pod.status.phase = "Running";
  pod.status.containerStatuses = pod.spec.containers.map(({ name }) => ({
    name,
    state: { running: { startedAt: stamp(store) } },
  }));
  for (const text of commandOf(flow)[0] === "write" ? commandOf(flow).slice(1) : []) {
    pod.log.push({ time: nanoseconds(store, pod.log.length), text });
  }
}

function leaveUnscheduled(store: FakeStore, pod: FakePod): void {
  pod.status.conditions ??= [
    {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
      lastTransitionTime: stamp(store),
    },
  ];
}

function refuseImage(pod: FakePod, { name, image }: FakeContainer): void {
  const message = `Back-off pulling image "${image}": no such image`;
  pod.status.containerStatuses = [
    { name, state: { waiting: { reason: "ImagePullBackOff", message } } },
  ];
}

/** `run` goes on for ever, `exit N` ends with N, and everything else with 0. */
function endContainer(store: FakeStore, pod: FakePod, flow: FakeContainer): void {
  const [word, code = "0"] = commandOf(flow);
  if (word === "run") return;
  const exitCode = word === "exit" ? Number(code) : 0;
  endPod(store, pod, { exitCode, reason: exitCode === 0 ? "Completed" : "Error" });
}

/** Ends all containers of a pod in the same way. */
export function endPod(
  store: FakeStore,
  pod: FakePod,
  terminated: { exitCode: number; reason?: string; message?: string; signal?: number },
): void {
  pod.status.phase = terminated.exitCode === 0 ? "Succeeded" : "Failed";
  pod.status.containerStatuses = pod.spec.containers.map(({ name }) => ({
    name,
    state: { terminated: { ...terminated, finishedAt: stamp(store) } },
  }));
}

function commandOf({ command, args }: FakeContainer): readonly string[] {
  return wordsOf([...(command ?? []), ...(args ?? [])]);
}

function nanoseconds(store: FakeStore, index: number): string {
  return stamp(store).replace("Z", `.${String(index).padStart(9, "0")}Z`);
}
