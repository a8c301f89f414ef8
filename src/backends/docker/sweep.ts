import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { DockerApi, Listed } from "./api.ts";
import { AGENT, AUTO_REMOVE, labelsOfInstallation, launchOf } from "./labels.ts";
import { finishedAt } from "./status.ts";

/** For so long after its end the log of a container can still be read. */
const KEPT_MS = 30 * MINUTE;
const SWEEP_EVERY_MS = 5 * MINUTE;
const MOST_AT_ONCE = 20;

/**
 * Removes those containers of an agent that remove themselves, half an hour after their end: the engine
 * itself would do it at once, and exit code and log would be gone before anybody has read them. Only a
 * container whose launch is over in the store is removed, so that one whose end nobody has stored yet,
 * because the process that should have done it died, is there for whoever asks next. Containers of
 * other installations, and of runs the store does not know, are left alone.
 *
 * Called after each look at running jobs; sweeps every five minutes, or after each look until all are
 * removed, and never twice at once. What cannot be removed is told and tried again, and keeps nobody
 * else; it never throws.
 */
export function openSweeper(api: Api, agent: string, world: Surroundings): () => Promise<void> {
  const { log, now, isOver, closing } = world;
  let next = Number.NEGATIVE_INFINITY;
  return async () => {
    const moment = now().getTime();
    if (isOver === undefined || moment < next) return;
    next = Number.POSITIVE_INFINITY;
    const { removed, failures, all } = await sweep(api, agent, world);
    next = all || removed === 0 ? moment + SWEEP_EVERY_MS : moment;
    if (closing.aborted || failures.length === 0) return;
    const reason = messageOf(failures[0]);
    const fields = { target: api.target, failures: failures.length, reason };
    log.warn("ended containers not removed", fields);
  };
}

type Api = Pick<DockerApi, "target" | "list" | "inspect" | "remove">;
type Surroundings = Pick<World, "installation" | "log" | "now" | "isOver" | "closing">;

interface Sweep {
  readonly removed: number;
  readonly failures: readonly unknown[];
  /** Whether all were looked at. */
  readonly all: boolean;
}

async function sweep(api: Api, agent: string, world: Surroundings): Promise<Sweep> {
  const ofAgent = [`${AUTO_REMOVE}=true`, `${AGENT}=${agent}`];
  const label = [...ofAgent, ...labelsOfInstallation(world.installation)];
  const failures: unknown[] = [];
  let removed = 0;
  try {
    for (const entry of await api.list({ label, status: ["exited", "dead", "created"] })) {
      const full = removed + failures.length === MOST_AT_ONCE;
      if (world.closing.aborted || full) return { removed, failures, all: false };
      try {
        if (!(await isDone(entry, api, world))) continue;
        await api.remove(entry.Id);
        removed += 1;
      } catch (error) {
        failures.push(error);
      }
    }
  } catch (error) {
    failures.push(error);
  }
  return { removed, failures, all: true };
}

async function isDone(
  { Id, Created, Labels }: Listed,
  api: Pick<DockerApi, "inspect">,
  { installation, now, isOver }: Pick<World, "installation" | "now" | "isOver">,
): Promise<boolean> {
  const launch = launchOf(Labels ?? {}, installation);
  // A container ended after it was made, so most are told from this without a question.
  if (launch === undefined || isYoung(Created * 1000, now())) return false;
  if (!((await isOver?.(launch.runId, launch.launch)) ?? false)) return false;
  const container = await api.inspect(Id);
  if (container === undefined) return false;
  return !isYoung(Date.parse(finishedAt(container.State) ?? "") || 0, now());
}

function isYoung(moment: number, now: Date): boolean {
  return now.getTime() - moment < KEPT_MS;
}
