import type {
  Backend,
  LaunchAnswer,
  LaunchPlan,
  LaunchRequest,
  RefusalHint,
} from "../../src/backend.ts";
import { PermanentError } from "../../src/errors.ts";
import type { Job, JobStatus, LaunchKey } from "../../src/run.ts";

/** How the platform behaves at the next launch: what it answers, and whether a job comes of it. */
export type Behaviour =
  | { readonly type: "launch" }
  /** The job is started, but the answer never comes. */
  | { readonly type: "answer lost" }
  /** Nothing is started, and nobody can tell. */
  | { readonly type: "request lost" }
  | { readonly type: "throttle" }
  /** Says no; `started`: although a job was started; `stopped`: which it has stopped. */
  | {
      readonly type: "refuse";
      readonly hint?: RefusalHint;
      readonly started?: true;
      readonly stopped?: true;
    }
  | { readonly type: "unavailable" }
  | { readonly type: "reject" };

/** A platform in memory, with a backend for it. It remembers jobs by key, and starts one only once. */
export interface TestPlatform {
  readonly backend: Backend;
  /** Every job ever started, in order. */
  readonly started: readonly LaunchKey[];
  /** Decides how the next launches go; when they are used up, jobs are launched. */
  behave(...behaviours: Behaviour[]): void;
  /** What the platform says of the job of a run from now on. */
  set(runId: string, status: JobStatus): void;
  /** Refuses to be planned for, asked or stopped, until set back. */
  fail(what: "plan" | "inspect" | "cancel" | "find", error: Error | undefined): void;
  /** Changes where launches go. */
  moveTo(target: string): void;
  /** Whether a launch that comes again is known by its key, or makes another job. Default: true. */
  knowKeys(known: boolean): void;
  /** Whether jobs that were started can be found yet. Default: true. */
  showJobs(shown: boolean): void;
  /** What every job of a launch looks like from now on. */
  launchAs(job: Job): void;
  /** Runs while a launch is in flight, after its job was started. */
  during(action: () => Promise<void>): void;
  readonly cancelled: readonly string[];
}

export function testPlatform(): TestPlatform {
  const jobs = new Map<string, { job: Job; status: JobStatus }>();
  const started: LaunchKey[] = [];
  const cancelled: string[] = [];
  const failures = new Map<string, Error>();
  let behaviours: Behaviour[] = [];
  let target = "here";
  let action: (() => Promise<void>) | undefined;
  let keysKnown = true;
  let jobsShown = true;
  let likeThis: Job | undefined;

  const check = (what: string) => {
    const error = failures.get(what);
    if (error !== undefined) throw error;
  };
  const start = (key: LaunchKey): Job => {
    const known = jobs.get(textOf(key));
    if (known !== undefined && keysKnown) return known.job;
    const job = likeThis ?? { backend: "test", id: textOf(key), ref: { runId: key.runId } };
    jobs.set(textOf(key), { job, status: { type: "pending" } });
    started.push(key);
    return job;
  };
  const answer = async (behaviour: Behaviour, key: LaunchKey): Promise<LaunchAnswer> => {
    switch (behaviour.type) {
      case "launch": {
        const job = start(key);
        await action?.();
        return { type: "launched", job };
      }
      case "answer lost":
        start(key);
        throw new Error("socket hang up");
      case "request lost":
        throw new Error("socket hang up");
      case "throttle":
        return { type: "throttled", message: "asked too often" };
      case "refuse": {
        if (behaviour.started) start(key);
        const { hint, stopped } = behaviour;
        return {
          type: "refused",
          message: "no room",
          ...(hint === undefined ? {} : { hint }),
          ...(stopped === undefined ? {} : { stopped }),
        };
      }
      case "unavailable":
        return { type: "unavailable", message: "nobody answers" };
      case "reject":
        throw new PermanentError("rejected", "the platform will never do that");
    }
  };

  const backend: Backend = {
    async plan(request: LaunchRequest): Promise<LaunchPlan> {
      check("plan");
      return {
        target,
        launch: { env: { ...request.config.env } as Record<string, string> },
        secrets: ["TOKEN"],
        warnings: [],
      };
    },
    launch: async (_plan, key) => answer(behaviours.shift() ?? { type: "launch" }, key),
    async find(key) {
      check("find");
      const known = jobs.get(textOf(key));
      return known === undefined || !jobsShown ? [] : [known.job];
    },
    async inspect(asked) {
      check("inspect");
      return asked.map(({ id }) => jobs.get(id)?.status ?? { type: "missing" });
    },
    async cancel(job) {
      check("cancel");
      cancelled.push(job.id);
    },
  };

  return {
    backend,
    started,
    cancelled,
    behave: (...next) => {
      behaviours = next;
    },
    set(runId, status) {
      for (const entry of jobs.values())
        if (entry.job.ref["runId"] === runId) entry.status = status;
    },
    fail(what, error) {
      if (error === undefined) failures.delete(what);
      else failures.set(what, error);
    },
    moveTo: (place) => {
      target = place;
    },
    knowKeys: (known) => {
      keysKnown = known;
    },
    showJobs: (shown) => {
      jobsShown = shown;
    },
    launchAs: (job) => {
      likeThis = job;
    },
    during: (next) => {
      action = next;
    },
  };
}

function textOf({ runId, launch, target }: LaunchKey): string {
  return `${target}/${runId}/${launch}`;
}
