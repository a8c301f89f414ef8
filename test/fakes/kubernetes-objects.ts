import { randomUUID } from "node:crypto";

/** Objects as Kubernetes keeps them; tests may change whatever they like. */
export interface FakeMetadata {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { uid: string }[];
}

export interface FakeCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export interface FakeContainer {
  name: string;
  image?: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value?: string }[];
}

export interface FakePodSpec {
  containers: FakeContainer[];
  restartPolicy?: string;
  nodeSelector?: Record<string, string>;
  [key: string]: unknown;
}

export interface FakeJob {
  metadata: FakeMetadata;
  spec: {
    backoffLimit?: number;
    activeDeadlineSeconds?: number;
    ttlSecondsAfterFinished?: number;
    suspend?: boolean;
    template: { metadata?: Partial<FakeMetadata>; spec: FakePodSpec };
    [key: string]: unknown;
  };
  status: {
    active?: number;
    ready?: number;
    failed?: number;
    succeeded?: number;
    startTime?: string;
    conditions?: FakeCondition[];
  };
}

export interface FakeContainerStatus {
  name: string;
  state: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt: string };
    terminated?: {
      exitCode: number;
      reason?: string;
      message?: string;
      signal?: number;
      finishedAt?: string;
    };
  };
}

export interface FakePod {
  metadata: FakeMetadata;
  spec: FakePodSpec;
  status: {
    phase: string;
    reason?: string;
    message?: string;
    startTime?: string;
    conditions?: FakeCondition[];
    containerStatuses?: FakeContainerStatus[];
    initContainerStatuses?: FakeContainerStatus[];
  };
  /** What the containers have written, oldest first. */
  log: { time: string; text: string }[];
  /** Whether the machine has thrown its containers away, and their log with them. */
  logGone?: boolean;
}

export interface FakeEvent {
  metadata: FakeMetadata;
  involvedObject: { uid: string };
  type: string;
  reason: string;
  message: string;
  lastTimestamp: string | null;
}

/** What etcd holds. */
export interface FakeStore {
  readonly namespaces: Set<string>;
  readonly jobs: FakeJob[];
  readonly pods: FakePod[];
  readonly events: FakeEvent[];
  /** The most a page of a list holds, whatever is asked for. Default: what is asked for. */
  pageSize?: number;
  /** Jobs whose deadline the controller does not see before they change, by uid: it has looked too early. */
  readonly deadlinesMissed: Set<string>;
  /** How many Jobs were ever created. */
  created: number;
  version: number;
  now: Date;
}

export function newStore(): FakeStore {
  return {
    namespaces: new Set(["default", "flows"]),
    jobs: [],
    pods: [],
    events: [],
    deadlinesMissed: new Set(),
    created: 0,
    version: 1000,
    now: new Date("2026-11-21T12:00:00Z"),
  };
}

/** The store's clock as Kubernetes writes times. */
export function stamp(store: FakeStore): string {
  return store.now.toISOString().replace(/\.\d+/, "");
}

export function newMetadata(
  store: FakeStore,
  given: Partial<FakeMetadata> & { name: string; namespace: string },
): FakeMetadata {
  store.version++;
  return {
    ...given,
    uid: randomUUID(),
    resourceVersion: String(store.version),
    creationTimestamp: stamp(store),
  };
}

/** Marks an object as changed. */
export function touch(store: FakeStore, object: { metadata: FakeMetadata }): void {
  store.version++;
  object.metadata.resourceVersion = String(store.version);
}

export function podsOf(store: FakeStore, job: FakeJob): FakePod[] {
  return store.pods.filter(({ metadata }) =>
    metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid),
  );
}

export function conditionOf(job: FakeJob, type: string): FakeCondition | undefined {
  return job.status.conditions?.find((candidate) => candidate.type === type);
}

export function isFinished(job: FakeJob): boolean {
  return conditionOf(job, "Complete") !== undefined || conditionOf(job, "Failed") !== undefined;
}

/** Removes an object for good. */
export function remove<T>(list: T[], object: T): void {
  const index = list.indexOf(object);
  if (index >= 0) list.splice(index, 1);
}

/** The label selectors this project uses: `a`, `!a`, `a=b` and `a in (b,c)`, joined by commas. */
export function selects(selector: string, labels: Readonly<Record<string, string>> = {}): boolean {
  const parts = selector.split(/,(?![^(]*\))/).filter((part) => part !== "");
  return parts.every((part) => {
    const set = /^(\S+) in \((.*)\)$/.exec(part);
    if (set) return set[2]?.split(",").includes(labels[set[1] ?? ""] ?? "\0");
    if (part.startsWith("!")) return !(part.slice(1) in labels);
    const [key = "", value] = part.split("=");
    return value === undefined ? key in labels : labels[key] === value;
  });
}
