import type { LaunchAnswer, LaunchPlan } from "../../backend.ts";
import { CREDENTIALS_ADVICE, CredentialsError } from "../../credentials/google.ts";
import { PermanentError } from "../../errors.ts";
import type { Job, LaunchKey } from "../../run.ts";
import { SECOND } from "../../time.ts";
import { codeOf, failureOf, PERMISSION_DENIED, textOf } from "./errors.ts";
import { jobOf } from "./job.ts";
import type { ApiFor } from "./regions.ts";
import { type PlannedJob, type Secrets, toClientJob } from "./send.ts";

/** What is needed to launch. */
export interface Launcher {
  readonly apiFor: ApiFor;
  readonly secrets: Secrets;
  /** The jobs that carry the mark of a launch, the oldest first. */
  readonly find: (key: LaunchKey, signal: AbortSignal) => Promise<readonly Job[]>;
  /** Waits; throws as soon as the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** When to look for a job whose creation was not answered: lists lag behind. */
const LOOKS_MS = [5 * SECOND, 15 * SECOND] as const;

/**
 * Creates the job of a plan.
 *
 * Vertex AI takes no request id: the same request twice is two jobs. So one call of this function sends
 * at most one, never repeats it, and does not look for an earlier one: that is what `find` is for, which
 * the port asks for before a launch is repeated. If the answer does not come, it waits and looks twice
 * for the job by its labels; when nothing shows it throws, and the launch stays open.
 */
export async function launchJob(launcher: Launcher, asked: Asked): Promise<LaunchAnswer> {
  const { plan, signal } = asked;
  signal.throwIfAborted();
  const { parent, custom_job: planned } = plan.launch as unknown as PlannedLaunch;
  const job = await toClientJob(planned, launcher.secrets);
  try {
    const created = await launcher.apiFor(parent).create(parent, job, signal);
    return { type: "launched", job: jobOf(created, parent) };
  } catch (error) {
    return answerTo(launcher, asked, error);
  }
}

/** What `launch` is asked for. */
export interface Asked {
  readonly plan: LaunchPlan;
  readonly key: LaunchKey;
  readonly signal: AbortSignal;
}

/** `launch` of a plan, as `planJob` writes it. */
interface PlannedLaunch {
  readonly parent: string;
  readonly custom_job: PlannedJob;
}

async function answerTo(launcher: Launcher, asked: Asked, error: unknown): Promise<LaunchAnswer> {
  const text = textOf(error);
  if (error instanceof CredentialsError) {
    if (error.lasting) throw new PermanentError("rejected", text, { cause: error });
    return { type: "unavailable", message: text };
  }
  switch (failureOf(error)) {
    case "throttled":
      return { type: "throttled", message: `Vertex AI is asked too often: ${text}` };
    case "no_quota":
      return {
        type: "refused",
        message: `Vertex AI has no quota left for the job: ${text}`,
        hint: "capacity",
      };
    case "unreachable":
      return { type: "unavailable", message: `Vertex AI cannot be reached: ${text}` };
    case "unauthenticated":
      throw new PermanentError(
        "rejected",
        `Vertex AI does not accept the credentials of this process: ${text}; ${CREDENTIALS_ADVICE}`,
        { cause: error },
      );
    case "refused":
      throw refusal(asked, error);
    case "unknown":
      return lookFor(launcher, asked, error);
  }
}

async function lookFor(launcher: Launcher, asked: Asked, error: unknown): Promise<LaunchAnswer> {
  const { key, signal } = asked;
  for (const ms of LOOKS_MS) {
    await launcher.sleep(ms, signal);
    const [job] = await launcher.find(key, signal);
    if (job !== undefined) return { type: "launched", job };
  }
  throw new Error(
    `Vertex AI did not say whether it created the job of run ${key.runId}, and shows none: ${textOf(error)}`,
    { cause: error },
  );
}

function refusal({ key, plan }: Asked, error: unknown): PermanentError {
  const advice =
    codeOf(error) === PERMISSION_DENIED
      ? " (the agent needs the role Vertex AI User in the project, and Service Account User on the job's service account)"
      : "";
  return new PermanentError(
    "rejected",
    `Vertex AI refuses the job of run ${key.runId} in ${plan.target}: ${textOf(error)}${advice}`,
    { cause: error },
  );
}
