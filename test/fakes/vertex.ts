import { type Filterable, parseFilter } from "./vertex-filter.ts";
import { wordsOf } from "./words.ts";

/** A CustomJob in the form of protobuf's JavaScript objects. */
export interface FakeJob {
  name: string;
  displayName: string;
  state: string | number;
  createTime: FakeTime;
  startTime?: FakeTime;
  endTime?: FakeTime;
  error?: { code: number; message: string };
  labels: Record<string, string>;
  jobSpec: FakeSpec;
}

export interface FakeTime {
  seconds: number;
  nanos: number;
}

export interface FakeSpec {
  workerPoolSpecs?: {
    machineSpec?: { machineType?: string };
    containerSpec?: {
      imageUri?: string;
      command?: string[];
      args?: string[];
      env?: { name: string; value: string }[];
    };
  }[];
  scheduling?: { timeout?: FakeTime; disableRetries?: boolean; [key: string]: unknown };
  serviceAccount?: string;
  network?: string;
}

/** An error as the service answers it. */
export class ServiceError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    code: number,
    message: string,
    info: { readonly reason?: string; readonly metadata?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = info.reason;
    this.metadata = info.metadata ?? {};
  }
}

export type Method = "CreateCustomJob" | "GetCustomJob" | "ListCustomJobs" | "CancelCustomJob";

/** Something that goes wrong with the next call of a method. */
export interface Fault {
  readonly method: Method;
  /** `before` the service did anything, or `after` it did everything. */
  readonly when: "before" | "after";
  /** What the caller sees: an error, a broken connection, or nothing at all. */
  readonly answer: ServiceError | "drop" | "hang";
}

/** Thrown to the server that speaks to the caller. */
export class NoAnswer extends Error {
  readonly how: "drop" | "hang";
  constructor(how: "drop" | "hang") {
    super(how);
    this.how = how;
  }
}

export const INVALID_ARGUMENT = 3;
export const NOT_FOUND = 5;
export const PERMISSION_DENIED = 7;
export const RESOURCE_EXHAUSTED = 8;
export const FAILED_PRECONDITION = 9;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;
export const UNAUTHENTICATED = 16;

/** How the jobs of an image go on, one step a tick. */
export const SCRIPTS: Readonly<Record<string, readonly Partial<FakeJob>[]>> = {
  succeeds: [{ state: "PENDING" }, { state: "RUNNING" }, { state: "SUCCEEDED" }],
  fails: failing("3"),
  runs: [{ state: "PENDING" }, { state: "RUNNING" }],
  stubborn: [{ state: "PENDING" }, { state: "RUNNING" }],
  stockout: [
    {
      state: "FAILED",
      error: {
        code: 8,
        message:
          "Resources are insufficient in region: us-central1. Please try a different region or use a different accelerator.",
      },
    },
  ],
};

function failing(exitCode: string): readonly Partial<FakeJob>[] {
  const message = `The replica workerpool0-0 exited with a non-zero status of ${exitCode}. Termination reason: Error. \nTo find out more about why your job exited please check the logs: https://console.example/logs`;
  return [
    { state: "PENDING" },
    { state: "RUNNING" },
    { state: "FAILED", error: { code: 3, message } },
  ];
}

const FINAL = new Set(["SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "PARTIALLY_SUCCEEDED"]);

export interface FakeVertexOptions {
  readonly project?: string;
  /** Google writes the number of a project in the names it gives. */
  readonly projectNumber?: string;
  /** Jobs show in lists so long after they were created. */
  readonly listLagMs?: number;
  /** Jobs created in a minute at most. */
  readonly submissionsPerMinute?: number;
  /** Jobs that may be unfinished at once. */
  readonly machines?: number;
  readonly pageSize?: number;
}

interface Stored {
  readonly job: FakeJob;
  readonly createdMs: number;
  step: number;
  cancelling: boolean;
}

export type FakeVertex = ReturnType<typeof fakeVertex>;

/**
 * Vertex AI's JobService with its own rules: it chooses ids, knows no request ids, shows new jobs in
 * lists after a while, counts submissions and machines. Its clock stands still but for `advance`, and
 * its jobs but for `tick`.
 */
export function fakeVertex(options: FakeVertexOptions = {}) {
  const { project = "my-project", projectNumber = "123456789", pageSize = 100 } = options;
  const { submissionsPerMinute = 60, machines = Number.POSITIVE_INFINITY } = options;
  const state = { now: Date.parse("2026-11-21T12:00:00.000Z"), nextId: 4_567_000_000_000_000_001n };
  let listLagMs = options.listLagMs ?? 0;
  const jobs = new Map<string, Stored>();
  const faults: Fault[] = [];
  const calls: Method[] = [];
  const authorizations: (string | undefined)[] = [];
  const lists: ListRequest[] = [];
  const submitted: number[] = [];

  function call<T>(method: Method, work: () => T): T {
    calls.push(method);
    const index = faults.findIndex((fault) => fault.method === method);
    const fault = index < 0 ? undefined : faults.splice(index, 1)[0];
    if (fault?.when === "before") throw answerOf(fault);
    const result = work();
    if (fault !== undefined) throw answerOf(fault);
    return result;
  }

  const time = (): FakeTime => ({
    seconds: Math.floor(state.now / 1_000),
    nanos: (state.now % 1_000) * 1e6,
  });

  function locationOf(parent: string): string {
    const [, named, location] = /^projects\/([^/]+)\/locations\/([^/]+)$/.exec(parent) ?? [];
    if (location === undefined) throw new ServiceError(INVALID_ARGUMENT, `bad parent ${parent}`);
    if (named !== project && named !== projectNumber) {
      throw new ServiceError(
        PERMISSION_DENIED,
        `Permission 'aiplatform.customJobs.list' denied on resource '//aiplatform.googleapis.com/${parent}' (or it may not exist).`,
      );
    }
    return `projects/${projectNumber}/locations/${location}`;
  }

  function find(name: string): Stored {
    const [, named, rest] = /^projects\/([^/]+)\/(locations\/.+)$/.exec(name) ?? [];
    const canonical = named === project ? `projects/${projectNumber}/${rest}` : name;
    const stored = jobs.get(canonical);
    if (stored === undefined)
      throw new ServiceError(NOT_FOUND, `CustomJob does not exist. ${name}`);
    return stored;
  }

  function countSubmission(): void {
    while (submitted[0] !== undefined && submitted[0] <= state.now - 60_000) submitted.shift();
    if (submitted.length >= submissionsPerMinute) {
      throw new ServiceError(
        RESOURCE_EXHAUSTED,
        `Quota exceeded for quota metric 'Job or LRO submission requests' and limit 'Job or LRO submission requests per minute per region' of service 'aiplatform.googleapis.com' for consumer 'project_number:${projectNumber}'.`,
        {
          reason: "RATE_LIMIT_EXCEEDED",
          metadata: { quota_metric: "aiplatform.googleapis.com/job_or_lro_submission_requests" },
        },
      );
    }
    submitted.push(state.now);
  }

  function countMachines(): void {
    const busy = [...jobs.values()].filter(({ job }) => !isFinal(job)).length;
    if (busy < machines) return;
    throw new ServiceError(
      RESOURCE_EXHAUSTED,
      "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_cpus",
    );
  }

  return {
    calls,
    /** What was asked for by lists. */
    lists,
    /** What callers over REST have shown for themselves. */
    authorizations,
    jobs: (): readonly FakeJob[] => [...jobs.values()].map(({ job }) => job),
    now: () => new Date(state.now),
    advance: (ms: number) => {
      state.now += ms;
    },
    /** The next call of the method goes wrong; faults of one method come in the order given. */
    fault: (fault: Fault) => {
      faults.push(fault);
    },
    setListLag: (ms: number) => {
      listLagMs = ms;
    },
    /** Changes a job as if the service had. */
    change: (name: string, change: Partial<FakeJob>) => {
      Object.assign(find(name).job, change);
    },
    forget: (name: string) => {
      jobs.delete(find(name).job.name);
    },
    /** Lets every job take its next step. */
    tick: () => {
      state.now += 1_000;
      for (const stored of jobs.values()) step(stored, time());
    },

    create: (parent: string, given: Partial<FakeJob>): FakeJob =>
      call("CreateCustomJob", () => {
        const location = locationOf(parent);
        countSubmission();
        const job: FakeJob = {
          name: `${location}/customJobs/${state.nextId++}`,
          displayName: given.displayName ?? "",
          state: "PENDING",
          createTime: time(),
          labels: { ...given.labels },
          jobSpec: given.jobSpec ?? {},
        };
        checkJob(job);
        countMachines();
        job.state = "QUEUED";
        jobs.set(job.name, { job, createdMs: state.now, step: 0, cancelling: false });
        return { ...job };
      }),

    get: (name: string): FakeJob => call("GetCustomJob", () => ({ ...find(name).job })),

    list: (request: ListRequest): { customJobs: FakeJob[]; nextPageToken: string } =>
      call("ListCustomJobs", () => {
        lists.push(request);
        const location = locationOf(request.parent);
        const selects = readFilter(request.filter ?? "");
        const visible = [...jobs.values()]
          .filter(({ job }) => job.name.startsWith(`${location}/`))
          .filter(({ createdMs }) => createdMs + listLagMs <= state.now)
          .map(({ job }) => job)
          .filter((job) => selects(filterable(job)))
          .toReversed();
        const start = readToken(request);
        const size = Math.min(request.pageSize || pageSize, pageSize);
        const rest = visible.length > start + size;
        return {
          customJobs: visible
            .slice(start, start + size)
            .map((job) => masked(job, request.readMask)),
          nextPageToken: rest ? `${start + size}/${request.filter ?? ""}` : "",
        };
      }),

    cancel: (name: string): void =>
      call("CancelCustomJob", () => {
        const stored = find(name);
        if (isFinal(stored.job)) {
          throw new ServiceError(FAILED_PRECONDITION, `CustomJob ${name} has ended already.`);
        }
        stored.cancelling = true;
        stored.job.state = "CANCELLING";
      }),
  };
}

export interface ListRequest {
  readonly parent: string;
  readonly filter?: string;
  readonly pageSize?: number;
  readonly pageToken?: string;
  /** Names in snake_case. */
  readonly readMask?: readonly string[];
}

function answerOf({ answer }: Fault): Error {
  return typeof answer === "string" ? new NoAnswer(answer) : answer;
}

function isFinal({ state }: FakeJob): boolean {
  return FINAL.has(String(state));
}

function step(stored: Stored, now: FakeTime): void {
  const { job } = stored;
  if (isFinal(job)) return;
  const script = scriptOf(job);
  if (stored.cancelling && nameOfScript(job) !== "stubborn") {
    Object.assign(job, {
      state: "CANCELLED",
      endTime: now,
      error: { code: 1, message: "Job is cancelled." },
    });
    return;
  }
  const next = script[stored.step];
  if (next === undefined) return;
  stored.step++;
  Object.assign(job, next);
  if (job.state === "RUNNING") job.startTime ??= now;
  if (isFinal(job)) job.endTime = now;
}

/** A job of any other image does what its command says: `exit N` ends with N, and everything else well. */
function scriptOf(job: FakeJob): readonly Partial<FakeJob>[] {
  const script = nameOfScript(job);
  if (script in SCRIPTS || script.startsWith("fake/")) return SCRIPTS[script] ?? [];
  const { command = [], args = [] } = job.jobSpec.workerPoolSpecs?.[0]?.containerSpec ?? {};
  const [word, code = "0"] = wordsOf([...command, ...args]);
  return (word === "exit" && code !== "0" ? failing(code) : SCRIPTS["succeeds"]) ?? [];
}

/** The images of the fake are `fake/SCRIPT`. */
function nameOfScript({ jobSpec }: FakeJob): string {
  return jobSpec.workerPoolSpecs?.[0]?.containerSpec?.imageUri?.replace("fake/", "") ?? "";
}

function checkJob({ displayName, labels, jobSpec }: FakeJob): void {
  const pools = jobSpec.workerPoolSpecs ?? [];
  const faults = [
    ...(displayName.length < 1 || displayName.length > 128 ? ["custom_job.display_name"] : []),
    ...(pools.length === 0 ? ["custom_job.job_spec.worker_pool_specs"] : []),
    ...(pools[0]?.machineSpec?.machineType ? [] : ["machine_spec.machine_type"]),
    ...(pools[0]?.containerSpec?.imageUri ? [] : ["container_spec.image_uri"]),
    ...(pools[0]?.containerSpec?.env ?? [])
      .filter(({ name }) => !/^[A-Za-z_]\w*$/.test(name))
      .map(({ name }) => `env ${name}`),
    ...Object.entries(labels)
      .filter((entry) => entry.some((text) => !/^[a-z0-9_-]{0,63}$/.test(text)))
      .map(([key]) => `label ${key}`),
  ];
  if (faults.length > 0) {
    throw new ServiceError(INVALID_ARGUMENT, `List of found errors: ${faults.join("; ")}`);
  }
  if (jobSpec.serviceAccount === "nobody@my-project.iam") {
    throw new ServiceError(
      PERMISSION_DENIED,
      "You do not have permission to act as service_account: nobody@my-project.iam.",
    );
  }
}

function readFilter(text: string) {
  try {
    return parseFilter(text);
  } catch (error) {
    throw new ServiceError(INVALID_ARGUMENT, `Invalid filter: ${String(error)}`);
  }
}

function readToken({ pageToken = "", filter = "" }: ListRequest): number {
  if (pageToken === "") return 0;
  const [, start, of] = /^(\d+)\/(.*)$/s.exec(pageToken) ?? [];
  if (start === undefined || of !== filter) {
    throw new ServiceError(INVALID_ARGUMENT, "the page token is of another request");
  }
  return Number(start);
}

function filterable({ displayName, state, createTime, labels }: FakeJob): Filterable {
  const ms = createTime.seconds * 1_000 + createTime.nanos / 1e6;
  return {
    displayName,
    state: `JOB_STATE_${state}`,
    createTime: new Date(ms).toISOString(),
    labels,
  };
}

function masked(job: FakeJob, mask: readonly string[] | undefined): FakeJob {
  if (mask === undefined || mask.length === 0) return { ...job };
  const keep = new Set(
    mask.map((name) => name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase())),
  );
  const entries = Object.entries(job);
  for (const key of keep) {
    if (
      ![
        "name",
        "displayName",
        "state",
        "createTime",
        "startTime",
        "endTime",
        "updateTime",
        "error",
        "labels",
        "jobSpec",
      ].includes(key)
    ) {
      throw new ServiceError(INVALID_ARGUMENT, `unknown field ${key} in read_mask`);
    }
  }
  return Object.fromEntries(entries.filter(([key]) => keep.has(key))) as unknown as FakeJob;
}
