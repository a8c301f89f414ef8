import { randomUUID } from "node:crypto";
import type { LaunchPlan } from "../../src/backend.ts";
import type { Job, JobStatus, LaunchKey } from "../../src/run.ts";
import type { BackendHarness } from "./backend.ts";
import { launchRequest, type RequestParts } from "./request.ts";

/** The harness of the test that runs. */
export type Current = () => BackendHarness;

/** More ticks than any platform here needs from launch to end. */
export const MOST_TICKS = 1_000;

export interface Launched {
  readonly plan: LaunchPlan;
  readonly key: LaunchKey;
  readonly job: Job;
}

export async function planned({ backend }: Pick<BackendHarness, "backend">, parts: RequestParts) {
  const request = launchRequest({ ...parts, runId: parts.runId ?? newId() });
  const plan = await backend.plan(request);
  const key = { runId: request.run.id, launch: request.launch, target: plan.target };
  return { plan, key };
}

export async function launch(
  harness: Pick<BackendHarness, "backend">,
  parts: RequestParts,
): Promise<Launched> {
  const { plan, key } = await planned(harness, parts);
  const answer = await harness.backend.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(`not launched: ${JSON.stringify(answer)}`);
  return { plan, key, job: answer.job };
}

/** Lets the platform go on until the job's status is as wanted, and returns that status. */
export async function until(
  { backend, tick }: Pick<BackendHarness, "backend" | "tick">,
  job: Job,
  wanted: (status: JobStatus) => boolean,
): Promise<JobStatus> {
  let last: JobStatus | undefined;
  for (let ticks = 0; ticks < MOST_TICKS; ticks++) {
    [last] = await backend.inspect([job]);
    if (last !== undefined && wanted(last)) return last;
    await tick();
  }
  throw new Error(`after ${MOST_TICKS} ticks the job is still ${JSON.stringify(last)}`);
}

export async function untilEnded(harness: BackendHarness, job: Job) {
  const status = await until(harness, job, ({ type }) => type === "ended");
  if (status.type !== "ended") throw new Error(`expected an end, got ${status.type}`);
  return status;
}

export async function thrownBy(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  return undefined;
}

export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** A run id nobody has used, short enough for every platform. */
export function newId(): string {
  return randomUUID();
}

export function never(): AbortSignal {
  return new AbortController().signal;
}
