import type * as z from "zod";
import type { Agent } from "./agent.ts";
import type { Engine } from "./engine.ts";
import type { Flow } from "./flow.ts";
import type { JsonObject } from "./json.ts";
import type { LaunchRates } from "./launch-rates.ts";
import type { Logger } from "./log.ts";
import type { Once } from "./registry.ts";
import type { Job, JobStatus, LaunchKey } from "./run.ts";
import type { RunConfig } from "./run-config/index.ts";
import type { Observation } from "./state-after.ts";
import type { TemplateReader } from "./template.ts";

/**
 * PORT. Launches and inspects jobs on one platform; one is opened for each agent.
 *
 * `dispatch` calls `plan`, then `launch`, and `find` when an earlier launch may have happened unseen.
 * `poll` calls `inspect`, then `tidy`, and `find` and `cancel` for runs being cancelled. Calls for different runs
 * happen side by side; calls for one run may be repeated by any process at any time, except `launch`,
 * which only the holder of the launch's lease calls.
 */
export interface Backend {
  /**
   * Exactly what would be sent to launch a run. Checks everything that can be known beforehand, reads
   * templates and changes nothing. Throws `PermanentError` when the request can never be launched.
   */
  plan(request: LaunchRequest): Promise<LaunchPlan>;

  /**
   * Starts the job of a plan, at most once for a key as far as the platform can promise it.
   *
   * What the platform answers is data. Throws `PermanentError` when it refuses the request for good;
   * anything else that is thrown leaves open whether a job was started, and the same launch is asked
   * for again after `find`.
   */
  launch(plan: LaunchPlan, key: LaunchKey, signal: AbortSignal): Promise<LaunchAnswer>;

  /** The jobs that carry the mark of a launch, running and finished. Starts nothing. */
  find(key: LaunchKey): Promise<readonly Job[]>;

  /**
   * One status per job, in the order asked, in as few calls as the platform allows. Undefined: this job
   * cannot be asked about right now, which says nothing of it. If none can, the call throws. Either way
   * the next tick tries again.
   */
  inspect(jobs: readonly Job[]): Promise<readonly (JobStatus | undefined)[]>;

  /** Asks the platform to stop a job. Does nothing when it has ended already. */
  cancel(job: Job): Promise<void>;

  /**
   * Deletes what the platform keeps of jobs that are over, as far as the agent wants that and nobody will
   * ask about them again (`World.isOver`), near the jobs just looked at: in their namespaces, on their
   * engines. Begins nothing once `signal` is aborted; the next call goes on there, and leaves to a call that
   * is still at work what that one works on. What cannot be deleted is logged, tried again and keeps
   * nothing else. Never throws.
   */
  tidy?(jobs: readonly Job[], signal: AbortSignal): Promise<void>;

  /** What the job has written, from `after` on, oldest first. */
  logs?(job: Job, after?: string): Promise<LogPage>;
}

/** What a backend needs to know of a run to launch it. */
export interface LaunchRequest {
  readonly run: {
    readonly id: string;
    readonly name: string;
    readonly parameters: JsonObject;
  };
  /** The number of this launch: 1 for the first. */
  readonly launch: number;
  readonly flow: Flow;
  /** The effective run config. */
  readonly config: RunConfig;
  readonly agent: Agent;
  /** Says what the process runs and which variables it needs; see `processOf`. */
  readonly engine: Engine;
}

/** A launch as it would be made. */
export interface LaunchPlan {
  /** The place in which the launch key is unique. */
  readonly target: string;
  /** Exactly what would be sent, in the shape `sluice plan` prints for this backend. */
  readonly launch: JsonObject;
  /** Names of variables in `launch` whose values nobody may see. */
  readonly secrets: readonly string[];
  /** What a person should know before launching. */
  readonly warnings: readonly string[];
}

/** What a platform answers to a launch. */
export type LaunchAnswer =
  /** The job runs, or already ran, under this key. */
  | { readonly type: "launched"; readonly job: Job }
  /** Asked too often; nothing was started. The same launch is tried again later. */
  | { readonly type: "throttled"; readonly message: string }
  /**
   * Not possible right now; the key is used up and a new launch is made later. With the hint `capacity`
   * there is no room, which takes minutes to change; with `configuration` waiting rarely helps, so after
   * a few tries the run ends as rejected. `stopped`: a job was started that is none of the run's, and has
   * been stopped; else one may show up that was started all the same.
   */
  | {
      readonly type: "refused";
      readonly message: string;
      readonly hint?: RefusalHint;
      readonly stopped?: true;
    }
  /** The platform cannot be reached, so certainly nothing was started. */
  | { readonly type: "unavailable"; readonly message: string };

/** What a platform's refusal is about. */
export type RefusalHint = "capacity" | "configuration";

/** One line of a job's log. */
export interface LogLine {
  /** When it was written, if the platform says so: ISO 8601. */
  readonly time?: string;
  readonly stream?: "stdout" | "stderr";
  readonly text: string;
}

/** Part of a job's log. */
export interface LogPage {
  readonly lines: readonly LogLine[];
  /** Where the next page starts. */
  readonly next: string;
  /** True when the job has ended and nothing follows. */
  readonly complete: boolean;
}

/** What a backend is given of the outside. */
export interface World {
  now(): Date;
  /** Environment of the process that launches. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory of the process that launches. */
  readonly cwd: string;
  /**
   * Tells an installation from others that launch on the same platforms: part of what its jobs are marked
   * with, so that nobody takes the job of another one for its own, whatever their runs are called. In the
   * AWS shape the name of its table, for functions and the hosts of remote agents alike. Default: none,
   * and marks without one.
   */
  readonly installation?: string;
  /** Where files of this installation live; only shapes with a disk of their own have one. */
  readonly dataFolder?: string;
  readonly log: Logger;
  readonly readTemplate: TemplateReader;
  /** The text of a secret reference such as `env:NAME`. Throws `PermanentError` if there is none. */
  secret(reference: string): Promise<string>;
  readonly once: Once;
  /**
   * The machine that launches; only shapes with a disk of their own have one. Default: one that nobody
   * can tell from others, so all jobs are taken for its own.
   */
  readonly machine?: Machine;
  /**
   * Whether the end of a launch is stored, so that nobody will ask about its job again. False of a run
   * that is not known.
   */
  readonly isOver?: (runId: string, launch: number) => Promise<boolean>;
  /**
   * What this process has launched lately, and how many processes launch beside it: each keeps to its
   * share of what a platform takes.
   */
  readonly launchRates: LaunchRates;
  /**
   * Takes what a platform reports by itself; only long-lived processes have it. An observation is a
   * hint that comes early: whatever it says is also found by `inspect`.
   */
  readonly observe?: (runId: string, observation: Observation) => void;
  /** Shows a line a run has written; only processes in the foreground have it. */
  readonly show?: (runId: string, line: string) => void;
  /** Aborted when the process closes: streams and timers end with it. */
  readonly closing: AbortSignal;
}

/** A machine among those that work, or have worked, for the same agent. */
export interface Machine {
  /** Tells its data folder from all others; the same after a restart. */
  id(): Promise<string>;
  /**
   * Whether all other machines have been away for so long that their jobs are given up. Until then
   * nobody but they can say how their jobs are.
   */
  othersLost(): Promise<boolean>;
}

/** What the folder of a backend exports as `backend`. */
export interface BackendModule {
  /** The name in `sluice.yml` and in the path of its folder. */
  readonly name: string;
  /** What an agent of this backend may set beside the keys all agents have. Unknown keys are refused. */
  readonly agentOptions: z.ZodType;
  /** Opens the backend for one agent. Calls nothing; clients are made when they are first needed. */
  open(agent: Agent, world: World): Backend;
}
