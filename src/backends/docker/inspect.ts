import type { JobStatus } from "../../run.ts";
import type { DockerApi } from "./api.ts";
import { lost, statusOf } from "./status.ts";

/** How many containers are asked about side by side. */
const TOGETHER = 8;
/** How many ids one list is filtered by; they stand in the address of the call. */
const PER_LIST = 100;

/** Says of containers what they are about. One per engine: it remembers which ones run. */
export type Inspector = (ids: readonly string[]) => Promise<ReadonlyMap<string, JobStatus>>;

/**
 * Asks about each container once to learn when it was started, and from then on about all that run in
 * one list; only those that have left it are asked about one by one again.
 */
export function openInspector(api: DockerApi): Inspector {
  const running = new Map<string, JobStatus>();

  async function ask(id: string): Promise<JobStatus> {
    const container = await api.inspect(id);
    if (container === undefined)
      return lost(`the engine at ${api.target} does not know it (any more)`);
    return statusOf(container.State);
  }

  return async (ids) => {
    const still = await stillRunning(
      api,
      ids.filter((id) => running.has(id)),
    );
    const statuses = new Map<string, JobStatus>();
    await together(ids, async (id) => {
      const known = still.has(id) ? running.get(id) : undefined;
      const status = known ?? (await ask(id));
      statuses.set(id, status);
      if (status.type === "running") running.set(id, status);
      else running.delete(id);
    });
    return statuses;
  };
}

async function stillRunning(api: DockerApi, ids: readonly string[]): Promise<ReadonlySet<string>> {
  // For one container a list would only be a call more.
  if (ids.length < 2) return new Set();
  const found = new Set<string>();
  for (let at = 0; at < ids.length; at += PER_LIST) {
    const listed = await api.list({ id: ids.slice(at, at + PER_LIST), status: ["running"] });
    for (const { Id } of listed) found.add(Id);
  }
  return found;
}

async function together<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += TOGETHER) {
    await Promise.all(items.slice(at, at + TOGETHER).map(work));
  }
}
