import type {
  Cancelling,
  Cause,
  Final,
  Job,
  JobStatus,
  Launch,
  Launching,
  Run,
  Running,
  RunState,
  Submitted,
  Waiting,
} from "./run.ts";
import { between, MINUTE, type Timestamp } from "./time.ts";

/** What a platform said of the job of one launch. */
export interface Observation {
  readonly launch: number;
  readonly job: Job;
  readonly status: JobStatus;
}

/** A platform may not know a job for so long after its launch, and still have it. */
export const MISSING_GRACE_MS = 5 * MINUTE;

/**
 * The state a run should be in after an observation; undefined if it should stay as it is. Pure.
 *
 * Only an observation of the run's current launch counts, and within a launch only one that tells more
 * than is known: pending, then running, then ended. So late, doubled and reordered observations do no
 * harm.
 */
export function stateAfter(
  run: Run,
  observation: Observation,
  now: Timestamp,
): RunState | undefined {
  const { state, since } = run;
  switch (state.type) {
    case "launching":
    case "submitted":
    case "running":
      if (observation.launch !== state.launch) return undefined;
      return afterStatus(state, observation, { since, now });
    case "cancelling":
      if (observation.launch !== state.launch) return undefined;
      return afterCancel(state, observation, { since, now });
    case "waiting":
      return afterWait(state, observation, { since, now });
    default:
      return undefined;
  }
}

/** Since when a run is in its state, and the moment it is looked at. */
interface Span {
  readonly since: Timestamp;
  readonly now: Timestamp;
}

/** A launch that seemed refused and shows up after all is the one that counts. */
function afterWait(state: Waiting, observation: Observation, span: Span): RunState | undefined {
  const launch = state.pending ?? state.refused;
  if (launch?.launch !== observation.launch) return undefined;
  return afterStatus({ ...state, ...launch }, observation, span);
}

type Observable = Launching | Submitted | Running | (Waiting & Launch);

function afterStatus(
  state: Observable,
  { job: seen, status }: Observation,
  { since, now }: Span,
): RunState | undefined {
  const known = state.type === "submitted" || state.type === "running";
  // What the launch answered may tell more of the job than an event does, such as where its logs are.
  const job = known ? state.job : seen;
  switch (status.type) {
    case "pending":
      return known ? undefined : { type: "submitted", ...launchOf(state), job };
    case "running":
      if (state.type === "running") return undefined;
      return { type: "running", ...launchOf(state), job, ...startOf(status) };
    case "ended":
      return finished(state, job, { type: status.end, cause: status.cause });
    case "missing":
      if (!known || between(since, now) < MISSING_GRACE_MS) return undefined;
      return finished(state, job, { type: "crashed", cause: lost(job) });
  }
}

function afterCancel(
  state: Cancelling,
  { job: seen, status }: Observation,
  { since, now }: Span,
): RunState | undefined {
  const job = state.job ?? seen;
  switch (status.type) {
    case "pending":
    case "running":
      return state.job === undefined ? { ...state, job, until: now } : undefined;
    case "ended":
      if (status.cause.type === "killed" || status.end === "cancelled") {
        return finished(state, job, {
          type: "cancelled",
          cause: { ...status.cause, ...REQUESTED },
        });
      }
      return finished(state, job, { type: status.end, cause: status.cause });
    case "missing":
      if (between(since, now) < MISSING_GRACE_MS) return undefined;
      return finished(state, job, { type: "cancelled", cause: REQUESTED });
  }
}

/** The cause of a run that somebody cancelled. */
export const REQUESTED: Cause = { type: "requested", message: "cancelled on request" };

/** The part of a state that says which launch it is. */
export function launchOf({ agent, target, launch, first }: Launch): Launch {
  return { agent, target, launch, first };
}

function finished(
  state: Observable | Cancelling,
  job: Job,
  { type, cause }: Pick<Final, "type" | "cause">,
): Final {
  const { agent, target, launch } = state;
  return { type, cause, agent, target, launch, job, ...startOf(state) };
}

function startOf(source: object): { startedAt?: Timestamp } {
  const startedAt = (source as { startedAt?: Timestamp }).startedAt;
  return startedAt === undefined ? {} : { startedAt };
}

function lost(job: Job): Cause {
  return {
    type: "lost",
    message: `${job.backend} no longer knows ${job.id}, and nothing says how it ended`,
  };
}
