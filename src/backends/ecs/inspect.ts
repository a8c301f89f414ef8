import { chunks } from "../../chunks.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Job, JobStatus } from "../../run.ts";
import type { EcsApi, Within } from "./api.ts";
import { faultOf, kindOf } from "./errors.ts";
import { refOf, type TaskRef } from "./job.ts";
import { statusOf, type TaskView } from "./status.ts";

/** The most tasks that DescribeTasks takes, all of one cluster. */
const MAX_TASKS = 100;

/**
 * How long all answers together may take, in milliseconds. A tick waits ten seconds for an agent, and
 * whatever one cluster has answered is of no use if it waits for another one.
 */
export const ASKING_MS = 8_000;

/** How long one attempt of a call may take. */
const ATTEMPT_MS = 3_000;

/** What asking about tasks needs. */
export interface Asking {
  readonly api: EcsApi;
  /** The agent's name, for the log. */
  readonly agent: string;
  readonly log: Logger;
  /** Ends the asking. Default: after `ASKING_MS`. */
  readonly deadline?: () => AbortSignal;
}

/**
 * One status per job, in the order asked, by one call for each hundred tasks of a cluster. A task ECS does
 * not know is missing: it is too young, was stopped more than about an hour ago, or never was.
 *
 * A call that fails leaves its own jobs without a status, and a warning; throws if all fail.
 */
export async function inspectTasks(
  { api, agent, log, deadline = () => AbortSignal.timeout(ASKING_MS) }: Asking,
  jobs: readonly Job[],
): Promise<(JobStatus | undefined)[]> {
  const refs = jobs.map(refOf);
  const parts = [...byCluster(refs).values()].flatMap((tasks) => chunks(tasks, MAX_TASKS));
  const within = { abortSignal: deadline(), requestTimeout: ATTEMPT_MS };
  const asked = await Promise.all(parts.map((part) => describe({ api, within }, part)));
  const answers = asked.flat();
  const failed = answers.filter((answer) => answer.type === "failed");
  if (failed[0] !== undefined && failed.length === answers.length) throw failed[0].error;
  for (const { chunk, error } of failed) {
    const [first] = chunk;
    const where = { region: first?.region, cluster: first?.cluster };
    const reason = messageOf(error);
    log.warn("tasks not asked about", { agent, ...where, jobs: chunk.length, reason });
  }
  const unasked = new Set(failed.flatMap(({ chunk }) => chunk.map(({ task }) => task)));
  const tasks = new Map(
    answers.flatMap((answer) => (answer.type === "failed" ? [] : answer.tasks)),
  );
  return refs.map((ref) => {
    if (unasked.has(ref.task)) return undefined;
    const task = tasks.get(ref.task);
    return task === undefined ? { type: "missing" } : statusOf(task, ref.container);
  });
}

function byCluster(refs: readonly TaskRef[]): Map<string, TaskRef[]> {
  const groups = new Map<string, TaskRef[]>();
  for (const ref of new Map(refs.map((ref) => [ref.task, ref])).values()) {
    const name = `${ref.region} ${ref.cluster}`;
    groups.set(name, [...(groups.get(name) ?? []), ref]);
  }
  return groups;
}

/** What came of one call. */
type Answer =
  | { readonly type: "described"; readonly tasks: readonly (readonly [string, TaskView])[] }
  | { readonly type: "failed"; readonly chunk: readonly TaskRef[]; readonly error: unknown };

interface Call {
  readonly api: EcsApi;
  readonly within: Within;
}

async function describe(call: Call, chunk: readonly TaskRef[]): Promise<Answer[]> {
  const [first] = chunk;
  if (first === undefined) return [];
  const { region, cluster } = first;
  const arns = chunk.map(({ task }) => task);
  try {
    const { tasks } = await call.api.describeTasks({ region, cluster }, arns, call.within);
    const views = tasks.map((task) => [task.taskArn ?? "", task] as const);
    return [{ type: "described", tasks: views }];
  } catch (error) {
    return describeApart(call, chunk, error);
  }
}

/** One task ECS does not take must not hide the others: the chunk is halved until it stands alone. */
async function describeApart(
  call: Call,
  chunk: readonly TaskRef[],
  error: unknown,
): Promise<Answer[]> {
  const fault = faultOf(error);
  if (fault.name === "ClusterNotFoundException") return [{ type: "described", tasks: [] }];
  if (fault.name !== "InvalidParameterException" || kindOf(fault) === "throttled") {
    return [{ type: "failed", chunk, error }];
  }
  if (chunk.length === 1) return [{ type: "described", tasks: [] }];
  const half = Math.ceil(chunk.length / 2);
  const halves = [chunk.slice(0, half), chunk.slice(half)];
  return (await Promise.all(halves.map((part) => describe(call, part)))).flat();
}
