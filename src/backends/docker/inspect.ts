import { chunks } from "../../chunks.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { JobStatus } from "../../run.ts";
import { SECOND } from "../../time.ts";
import type { DockerApi } from "./api.ts";
import { statusOf } from "./status.ts";

/** How many containers are asked about side by side. */
const TOGETHER = 8;
/** How many ids one list is filtered by; they stand in the address of the call. */
const PER_LIST = 100;
/** A tick waits ten seconds for a platform; a container that does not answer must not use them up. */
const LOOK_MS = 8 * SECOND;

/** What came of a question about a container: the engine may not know it, or not answer. */
export type Look = JobStatus | "unknown" | "unanswered";

/**
 * Says of containers what they are about. One per engine: it remembers which ones run. Throws if there is
 * no answer about any of them.
 */
export type Inspector = (ids: readonly string[]) => Promise<ReadonlyMap<string, Look>>;

interface Asking {
  readonly log: Logger;
  /** Aborted when a look has taken too long. Default: after eight seconds. */
  readonly limit?: () => AbortSignal;
}

/** What was learnt of containers before. */
interface Memory {
  readonly running: Map<string, JobStatus>;
  /** Which did not answer when they were last asked, and whether that was told. */
  readonly silent: Map<string, boolean>;
}

/**
 * Asks about each container once to learn when it was started, and from then on about all that run in
 * one list; only those that have left it are asked about one by one again. An engine may hang on one
 * container and know all others: such a one is told of once, and asked about last.
 */
export function openInspector(
  api: Pick<DockerApi, "inspect" | "list">,
  { log, limit = () => AbortSignal.timeout(LOOK_MS) }: Asking,
): Inspector {
  const memory: Memory = { running: new Map(), silent: new Map() };
  const { running, silent } = memory;
  return async (ids) => {
    const known = ids.filter((id) => running.has(id));
    const signal = limit();
    const still = await stillRunning(api, known, signal);
    const looks = new Map<string, Look>();
    const failures = new Map<string, unknown>();
    const order = ids.toSorted((a, b) => Number(silent.has(a)) - Number(silent.has(b)));
    await together(order, async (id) => {
      looks.set(id, "unanswered");
      if (signal.aborted) return;
      try {
        const look = (still.has(id) ? running.get(id) : undefined) ?? (await ask(api, id, signal));
        note(memory, id, look);
        looks.set(id, look);
      } catch (error) {
        failures.set(id, error);
        silent.set(id, silent.get(id) ?? false);
      }
    });
    const [first] = failures.values();
    if (failures.size > 0 && [...looks.values()].every((look) => look === "unanswered"))
      throw first;
    tellSilence(failures, { silent, log });
    return looks;
  };
}

async function stillRunning(
  api: Pick<DockerApi, "list">,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  // For one container a list would only be a call more.
  if (ids.length < 2) return new Set();
  const found = new Set<string>();
  for (const id of chunks(ids, PER_LIST)) {
    const listed = await api.list({ id, status: ["running"] }, signal);
    for (const { Id } of listed) found.add(Id);
  }
  return found;
}

/** Works on all items, on the next one as soon as one is done. */
async function together<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
}

async function ask(
  api: Pick<DockerApi, "inspect">,
  id: string,
  signal: AbortSignal,
): Promise<Look> {
  const container = await api.inspect(id, signal);
  return container === undefined ? "unknown" : statusOf(container.State);
}

function note({ running, silent }: Memory, id: string, look: Look): void {
  silent.delete(id);
  if (typeof look === "object" && look.type === "running") running.set(id, look);
  else running.delete(id);
}

function tellSilence(
  failures: ReadonlyMap<string, unknown>,
  { silent, log }: Pick<Memory, "silent"> & Pick<Asking, "log">,
): void {
  for (const [id, error] of failures) {
    if (silent.get(id) === true) continue;
    silent.set(id, true);
    log.warn("container not asked about", { container: id, reason: messageOf(error) });
  }
}
