import { inTime } from "../../abort.ts";
import type { World } from "../../backend.ts";
import { chunks } from "../../chunks.ts";
import { messageOf } from "../../errors.ts";
import type { Job, JobStatus } from "../../run.ts";
import { SECOND } from "../../time.ts";
import type { KubernetesApi } from "./api.ts";
import { KubernetesError } from "./errors.ts";
import type { Patience } from "./evidence.ts";
import { puzzleOf, unstarted } from "./hopeless.ts";
import { type JobRef, refOf } from "./job.ts";
import { isLabelled, runsSelector } from "./names.ts";
import type { EventJson, JobJson, PodJson } from "./objects.ts";
import type { End } from "./pod-end.ts";
import { judge, needsPods } from "./status.ts";
import { reminderPatch, stopPatch } from "./stop.ts";

/**
 * How long all answers together may take, in milliseconds. A tick waits ten seconds for an agent, and
 * whatever one namespace has answered is of no use if it waits for another.
 */
export const ASKING_MS = 6 * SECOND;

/** The most runs that are asked about in one list: its address must stay short. */
const RUNS_PER_LIST = 100;
/** The most lists that are asked for at a time. */
const AT_ONCE = 10;

/** What a look needs. */
export interface Inspection {
  readonly api: KubernetesApi;
  readonly patience: Patience;
  readonly log: World["log"];
  /** Ends the asking, `ASKING_MS` after it began. */
  readonly deadline: AbortSignal;
}

/**
 * Looks at Jobs, with one list for each hundred runs of a namespace, and one of pods if the Jobs do not
 * say enough. Of a single Job it also reads what was reported while it waits, for it is a person who asks
 * about one. A Job that cannot go on is stopped here, for nobody else would; its run ends when Kubernetes
 * has done so.
 *
 * The answer is by job id; Jobs that are gone are not in it. A text says why nothing can be said of a Job:
 * its namespace may not be listed, or does not answer in time, which harms no others.
 */
export async function look(
  jobs: readonly Job[],
  inspection: Inspection,
): Promise<ReadonlyMap<string, JobStatus | string>> {
  const refs = jobs.map((job): Asked => ({ id: job.id, ref: refOf(job) }));
  const closely = jobs.length === 1;
  const groups = [...Map.groupBy(refs, ({ ref }) => ref.namespace).values()];
  const parts = groups.flatMap((group) => chunks(group, RUNS_PER_LIST));
  const seen: (readonly [string, JobStatus | string])[] = [];
  for (const together of chunks(parts, AT_ONCE)) {
    const looks = together.map((part) => lookOrReason(part, { ...inspection, closely }));
    seen.push(...(await Promise.all(looks)).flat());
  }
  return new Map(seen);
}

interface Asked {
  readonly id: string;
  readonly ref: JobRef;
}

interface Closeness extends Inspection {
  /** Whether to read what was reported of a Job that waits, although nothing hangs on it yet. */
  readonly closely: boolean;
}

/** Looks at Jobs of one namespace; what goes wrong is said of each. */
async function lookOrReason(
  asked: readonly Asked[],
  inspection: Closeness,
): Promise<(readonly [string, JobStatus | string])[]> {
  const namespace = asked[0]?.ref.namespace ?? "";
  try {
    return await inTime(inspection.deadline, ASKING_MS, lookAt(namespace, asked, inspection));
  } catch (error) {
    const reason = `namespace ${namespace}: ${messageOf(error)}`;
    return asked.map(({ id }) => [id, reason] as const);
  }
}

async function lookAt(
  namespace: string,
  asked: readonly Asked[],
  inspection: Closeness,
): Promise<(readonly [string, JobStatus])[]> {
  const { api } = inspection;
  const jobs = await api.listJobs(namespace, runsSelector(asked.map(({ ref }) => ref.run)));
  const found = new Map(jobs.map((job) => [job.metadata?.name, job]));
  const known = asked.flatMap(({ id, ref }) => {
    const job = found.get(ref.name);
    return job === undefined ? [] : [{ id, ref, job }];
  });
  const unclear = known.filter(({ job }) => needsPods(job)).map(({ ref }) => ref.run);
  const pods = unclear.length === 0 ? [] : await api.listPods(namespace, runsSelector(unclear));
  return Promise.all(
    known.map(async ({ id, ref, job }) => {
      const own = pods.filter((pod) => isPodOf(pod, ref));
      return [id, await statusOf({ ref, job, pods: own }, inspection)] as const;
    }),
  );
}

async function statusOf(found: Found, inspection: Closeness): Promise<JobStatus> {
  const { job, pods } = found;
  const { patience, closely } = inspection;
  const asks = closely ? unstarted : puzzleOf;
  const puzzle = needsPods(job) ? asks(job, pods, patience) : undefined;
  const events = puzzle === undefined ? [] : await eventsOf(found, puzzle, inspection);
  const { status, stop, forgotten } = judge({ job, pods, events }, patience);
  if (stop !== undefined) await stopJob(found, stop, inspection);
  if (forgotten) await remind(found, inspection);
  return status;
}

interface Found {
  readonly ref: JobRef;
  readonly job: JobJson;
  readonly pods: readonly PodJson[];
}

/** Without the right to read events a Job is judged without them; the others must not suffer. */
async function eventsOf(
  { ref }: Found,
  uid: string,
  { api, log }: Inspection,
): Promise<readonly EventJson[]> {
  try {
    return await api.listEvents(ref.namespace, uid);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    log.warn("events not read", { job: nameOf(ref), reason: error.message });
    return [];
  }
}

/** Whoever may not stop a Job is told so at every look; its run goes on, and so do the others. */
async function stopJob({ ref, job }: Found, end: End, { api, log }: Inspection): Promise<void> {
  const reason = `${end.cause.type}: ${end.cause.message}`;
  try {
    const patch = stopPatch(end, job.metadata?.resourceVersion);
    if (!(await api.patchJob(ref.namespace, ref.name, patch))) return;
    log.warn("job stopped", { job: nameOf(ref), reason });
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    log.error("job not stopped", { job: nameOf(ref), reason, refusal: error.message });
  }
}

/** What goes wrong is tried again with the next look, which finds the Job as it is. */
async function remind({ ref }: Found, { api, log, patience }: Inspection): Promise<void> {
  try {
    await api.patchJob(ref.namespace, ref.name, reminderPatch(patience.now));
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    log.warn("stopped job not brought to mind", { job: nameOf(ref), reason: error.message });
  }
}

function nameOf({ namespace, name }: JobRef): string {
  return `${namespace}/${name}`;
}

function isPodOf({ metadata }: PodJson, { run, launch, installation }: JobRef): boolean {
  return isLabelled(metadata?.labels, { runId: run, launch }, installation);
}
