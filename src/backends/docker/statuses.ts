import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { statusElsewhere } from "../../other-machines.ts";
import type { Job, JobStatus } from "../../run.ts";
import type { DockerEngine } from "./engine.ts";
import { UnreachableError } from "./errors.ts";
import type { Look } from "./inspect.ts";
import { type ContainerRef, refOf } from "./job.ts";
import { lost } from "./status.ts";

/** Where jobs are looked for. */
export interface Engines {
  readonly engineAt: (target: string) => DockerEngine;
  /** The address of the agent's own engine. */
  readonly own: string;
  readonly world: Pick<World, "machine" | "log">;
}

interface Asked {
  readonly job: Job;
  readonly ref: ContainerRef;
}

/**
 * The statuses of jobs, in the order asked; undefined for those nobody can tell now. What an engine does
 * not know is lost, unless it was launched at another one that had the same address.
 */
export async function statusesOf(
  jobs: readonly Job[],
  engines: Engines,
): Promise<readonly (JobStatus | undefined)[]> {
  const asked = jobs.map((job) => ({ job, ref: refOf(job) }));
  const byEngine = Map.groupBy(asked, ({ ref }) => engines.engineAt(ref.target));
  const statuses = new Map<Job, JobStatus | undefined>();
  const work = async ([engine, group]: [DockerEngine, readonly Asked[]]) => {
    engine.listen();
    const looks = await looksAt(engine, group, engines);
    const unknown = group.filter(({ ref }) => looks.get(ref.id) === "unknown");
    const others = await othersAmong(unknown, engine, engines);
    for (const one of group) {
      const look = looks.get(one.ref.id);
      if (look === undefined || look === "unanswered") continue;
      const status = look === "unknown" ? await unknownStatus(one, others, engines) : look;
      statuses.set(one.job, status);
    }
  };
  await Promise.all([...byEngine].map(work));
  return jobs.map((job) => statuses.get(job));
}

/** An engine the agent has left may be gone for ever, which must not hide the jobs on its own one. */
async function looksAt(
  engine: DockerEngine,
  group: readonly Asked[],
  { own, world }: Engines,
): Promise<ReadonlyMap<string, Look>> {
  try {
    return await engine.inspect([...new Set(group.map(({ ref }) => ref.id))]);
  } catch (error) {
    const { target } = engine.api;
    if (target === own) throw error;
    if (!(error instanceof UnreachableError)) {
      world.log.warn("engine not asked about its jobs", { target, reason: messageOf(error) });
    }
    return new Map();
  }
}

/** Which targets of some containers are other engines than this one; undefined if it does not say. */
async function othersAmong(
  unknown: readonly Asked[],
  engine: DockerEngine,
  { world }: Engines,
): Promise<ReadonlySet<string> | undefined> {
  const others = new Set<string>();
  try {
    for (const target of new Set(unknown.map(({ ref }) => ref.target))) {
      if (await engine.identity.isOther(target)) others.add(target);
    }
    return others;
  } catch (error) {
    const fields = { target: engine.api.target, reason: messageOf(error) };
    world.log.warn("engine does not say who it is", fields);
    return undefined;
  }
}

async function unknownStatus(
  { job, ref }: Asked,
  others: ReadonlySet<string> | undefined,
  { world: { machine } }: Engines,
): Promise<JobStatus | undefined> {
  if (others === undefined) return undefined;
  if (machine !== undefined && others.has(ref.target)) {
    return await statusElsewhere(job, ref.target, machine);
  }
  return lost(`the engine at ${ref.target} does not know it (any more)`);
}
