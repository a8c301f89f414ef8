/**
 * The words of Sluice.
 *
 * flow        a named, versioned thing to execute
 * run         one execution of a flow
 * run config  JSON that says where and how a run executes
 * agent       a named target in `sluice.yml`: a backend, labels, defaults
 * backend     code that launches and inspects jobs on one platform
 * engine      what executes a flow in its process: a command, Prefect 1, Orion
 * job         what a backend started: a task, a CustomJob, a Job, a container, a process
 * launch      the act of starting the job of a run, and its number
 * target      the place in which a launch key is unique: a cluster, an engine, a data folder
 * dispatcher  the process, or the functions, that dispatch
 * place       who works on a run: `cloud`, or the name of a remote agent
 * state       where a run is; stored
 * status      what a platform says of a job; observed
 * cause       why a run ended as it did
 */
import type { JsonObject } from "./json.ts";
import type { Timestamp } from "./time.ts";

/** Who works on a run: `cloud` (the functions, or the embedded loop) or the name of a remote agent. */
export type Place = string;

/** The place that is not a remote agent's. */
export const CLOUD: Place = "cloud";

/** The head of a run: what transitions touch. Plain JSON; the body is read separately. */
export interface Run {
  readonly id: string;
  readonly name: string;
  readonly flow: { readonly name: string; readonly version?: number };
  /** The labels an agent must have to take it. */
  readonly labels: readonly string[];
  /** The backend its run config asks for, or `any`. */
  readonly backend: string;
  readonly place: Place;
  readonly state: RunState;
  /** When the run entered its state. */
  readonly since: Timestamp;
  readonly createdAt: Timestamp;
  /** The number of the newest launch; 0 before the first. */
  readonly launches: number;
  /** Rises by one with every write; a write names the revision it read. */
  readonly revision: number;
}

/** What makes a launch happen once: a platform is asked for this key and no other. */
export interface LaunchKey {
  readonly runId: string;
  readonly launch: number;
  readonly target: string;
}

/** A job as any process can find it again. Only its backend reads `ref`. */
export interface Job {
  readonly backend: string;
  /** What the platform calls it, for people: a task ARN, a container id, a process id. */
  readonly id: string;
  /** A page about it, or its logs, where the platform has one. */
  readonly url?: string;
  readonly ref: JsonObject;
}

/** Which launch a state speaks of. */
export interface Launch {
  readonly agent: string;
  readonly target: string;
  readonly launch: number;
  /** When its platform was first asked for it; half an hour later it is not asked for again. */
  readonly first: Timestamp;
}

/**
 * Why a run waits: no agent takes it · its agent is remote or cannot be reached · the platform has no
 * room · the platform is asked too often.
 */
export type WaitingReason = "no_agent" | "agent" | "capacity" | "throttled";

export interface Scheduled {
  readonly type: "scheduled";
  readonly start: Timestamp;
  /** When its message was last put on the queue. */
  readonly sent?: Timestamp;
}

export interface Waiting {
  readonly type: "waiting";
  readonly reason: WaitingReason;
  /** What it waits for, for people. */
  readonly message: string;
  /** The next try. */
  readonly until: Timestamp;
  /** How often it has waited for this reason in a row; the next delay grows with it. */
  readonly tries: number;
  readonly sent?: Timestamp;
  /** The agent it waits for, if there is one. */
  readonly agent?: string;
  /** The launch that goes on when the wait is over, for no platform has looked at it; else a new one is made. */
  readonly pending?: Launch;
  /** The launch a platform refused. Its job may show up after all; then no new launch is made. */
  readonly refused?: Launch;
  /** How often in a row a platform has refused it for how it is configured. */
  readonly refusals?: number;
}

export interface Launching extends Launch {
  readonly type: "launching";
  /** Who launches: random for each handler. */
  readonly by: string;
  /** End of the lease. Past it anyone may take the launch over, after looking for its job. */
  readonly until: Timestamp;
  readonly sent?: Timestamp;
  /** How often the run has waited in a row before this launch. */
  readonly tries: number;
  /** A try was left open: its job may exist although nobody has seen it, so it is looked for first. */
  readonly open?: boolean;
  /** What went wrong with the last try, for people. */
  readonly detail?: string;
  /** Since when nobody could look for its job, every time it was tried. */
  readonly unsearchedSince?: Timestamp;
  /** How often in a row a platform has refused the run before, for how it is configured. */
  readonly refusals?: number;
}

export interface Submitted extends Launch {
  readonly type: "submitted";
  readonly job: Job;
}

export interface Running extends Launch {
  readonly type: "running";
  readonly job: Job;
  readonly startedAt?: Timestamp;
}

export interface Cancelling extends Launch {
  readonly type: "cancelling";
  /** Unknown while its launch is in flight. */
  readonly job?: Job;
  /** When the platform is asked next: to stop the job, or whether there is one. */
  readonly until: Timestamp;
  /** How often no job was found. */
  readonly misses: number;
  readonly startedAt?: Timestamp;
  /** Since when nobody can look whether there is a job. */
  readonly unsearchedSince?: Timestamp;
}

/** The kinds of cause, see `Cause`. */
export type CauseType =
  | "exit"
  | "killed"
  | "out_of_memory"
  | "reclaimed"
  | "infrastructure"
  | "start_failed"
  | "image"
  | "lost"
  | "rejected"
  | "invalid"
  | "abandoned"
  | "requested"
  | "deadline";

/**
 * Why a run ended as it did.
 *
 * `exit` its process ended by itself · `killed` by a signal nobody explained · `out_of_memory` ·
 * `reclaimed` its machine was taken back · `infrastructure` its machine was lost · `start_failed` the
 * job never started · `image` its image could not be had · `lost` nobody can say what became of its job ·
 * `rejected` the platform refused the launch · `invalid` the request has faults · `abandoned` every
 * delivery of its message failed · `requested` somebody cancelled it · `deadline` it took too long.
 */
export interface Cause {
  readonly type: CauseType;
  readonly message: string;
  readonly exitCode?: number;
  readonly signal?: string;
}

export const FINAL_STATES = ["succeeded", "failed", "crashed", "timed_out", "cancelled"] as const;
export type FinalType = (typeof FINAL_STATES)[number];

export interface Final {
  readonly type: FinalType;
  readonly cause: Cause;
  readonly agent?: string;
  readonly target?: string;
  readonly launch?: number;
  readonly job?: Job;
  readonly startedAt?: Timestamp;
}

/** Where a run is. `failed`: the flow's own process ended badly; `crashed`: the platform did. */
export type RunState = Scheduled | Waiting | Launching | Submitted | Running | Cancelling | Final;

export type StateType = RunState["type"];

/** All states, in the order in which a run may come by them. */
export const STATES = [
  "scheduled",
  "waiting",
  "launching",
  "submitted",
  "running",
  "cancelling",
  ...FINAL_STATES,
] as const satisfies readonly StateType[];

/** What a backend says of a job at the moment it is asked. */
export type JobStatus =
  | { readonly type: "pending"; readonly detail?: string }
  | { readonly type: "running"; readonly startedAt?: Timestamp }
  | { readonly type: "ended"; readonly end: FinalType; readonly cause: Cause }
  /** Unknown to a platform whose answers lag behind: not yet, or no more. */
  | { readonly type: "missing" };

/** Whether a state never changes any more. */
export function isFinal(state: RunState): state is Final {
  return (FINAL_STATES as readonly string[]).includes(state.type);
}

/** Since when a run is in its next state; renewing a state, such as its lease, is no new beginning. */
export function sinceAfter(run: Run, next: RunState, now: Timestamp): Timestamp {
  return run.state.type === next.type ? run.since : now;
}

/** The agent a state names, if it names one. */
export function agentOf(state: RunState): string | undefined {
  return "agent" in state ? state.agent : undefined;
}

/** The job a state names, if it names one. */
export function jobOf(state: RunState): Job | undefined {
  return "job" in state ? state.job : undefined;
}
