import type { Job, JobStatus } from "../../run.ts";
import type { EcsApi } from "./api.ts";
import { faultOf } from "./errors.ts";
import { refOf, type TaskRef } from "./job.ts";
import { statusOf, type TaskView } from "./status.ts";

/** DescribeTasks takes at most so many tasks, all of one cluster. */
const MAX_TASKS = 100;

/**
 * One status per job, in the order asked, by one call for each hundred tasks of a cluster. A task ECS does
 * not know is missing: it is too young, was stopped more than about an hour ago, or never was.
 */
export async function inspectTasks(api: EcsApi, jobs: readonly Job[]): Promise<JobStatus[]> {
  const refs = jobs.map(refOf);
  const chunks = [...byCluster(refs).values()].flatMap(inChunks);
  const tasks = new Map((await Promise.all(chunks.map((chunk) => describe(api, chunk)))).flat());
  return refs.map((ref) => {
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

function inChunks(refs: readonly TaskRef[]): TaskRef[][] {
  const count = Math.ceil(refs.length / MAX_TASKS);
  return Array.from({ length: count }, (_, index) =>
    refs.slice(index * MAX_TASKS, (index + 1) * MAX_TASKS),
  );
}

type Described = readonly (readonly [task: string, view: TaskView])[];

async function describe(api: EcsApi, chunk: readonly TaskRef[]): Promise<Described> {
  const [first] = chunk;
  if (first === undefined) return [];
  const arns = chunk.map(({ task }) => task);
  try {
    const { tasks } = await api.describeTasks(first.region, first.cluster, arns);
    return tasks.map((task) => [task.taskArn ?? "", task] as const);
  } catch (error) {
    return describeApart(api, chunk, error);
  }
}

/** One task ECS does not take must not hide the others: the chunk is halved until it stands alone. */
async function describeApart(
  api: EcsApi,
  chunk: readonly TaskRef[],
  error: unknown,
): Promise<Described> {
  const { name } = faultOf(error);
  if (name === "ClusterNotFoundException") return [];
  if (name !== "InvalidParameterException") throw error;
  if (chunk.length === 1) return [];
  const half = Math.ceil(chunk.length / 2);
  const halves = [chunk.slice(0, half), chunk.slice(half)];
  return (await Promise.all(halves.map((part) => describe(api, part)))).flat();
}
