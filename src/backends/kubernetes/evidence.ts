import type { EventJson, JobJson, PodJson } from "./objects.ts";

/** What Kubernetes says of the Job of a launch. */
export interface Evidence {
  readonly job: JobJson;
  /** The pods of the Job; they may be left out where `needsPods` is false. */
  readonly pods: readonly PodJson[];
  /** What was reported of the object that `puzzleOf` names. */
  readonly events: readonly EventJson[];
}

/** The moment, and how long a Job may fail to start before it counts as hopeless. */
export interface Patience {
  readonly now: Date;
  readonly startMs: number;
  readonly pendingMs: number;
}
