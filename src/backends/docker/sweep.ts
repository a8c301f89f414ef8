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
 * Called after each look at running jobs; goes through all every five minutes, over as many looks as that
 * takes, and never twice at once. What cannot be removed is told, left to the next pass, and keeps nobody
 * else; it never throws.
 */
export function openSweeper(api: Api, agent: string, world: Surroundings): () => Promise<void> {
  const { log, now, isOver, closing } = world;
  const failed = new Set<string>();
  let next = Number.NEGATIVE_INFINITY;
  return async () => {
    const moment = now().getTime();
    if (isOver === undefined || moment < next) return;
    next = Number.POSITIVE_INFINITY;
    const { tried, failures, all } = await sweep(api, agent, { ...world, failed });
    if (all) failed.clear();
    next = all || tried === 0 ? moment + SWEEP_EVERY_MS : moment;
    if (closing.aborted || failures.length === 0) return;
    const reason = messageOf(failures[0]);
    const fields = { target: api.target, failures: failures.length, reason };
    log.warn("ended containers not removed", fields);
  };
}

type Api = Pick<DockerApi, "target" | "list" | "inspect" | "remove">;
type Surroundings = Pick<World, "installation" | "log" | "now" | "isOver" | "closing">;

interface Pass extends Surroundings {
  /** The containers that this pass could not remove. */
  readonly failed: Set<string>;
}

interface Sweep {
  /** How many containers were removed or failed. */
  readonly tried: number;
  readonly failures: readonly unknown[];
  /** Whether the pass has come to its end. */
  readonly all: boolean;
}

async function sweep(api: Api, agent: string, world: Pass): Promise<Sweep> {
  const ofAgent = [`${AUTO_REMOVE}=true`, `${AGENT}=${agent}`];
  const label = [...ofAgent, ...labelsOfInstallation(world.installation)];
  const failures: unknown[] = [];
  let tried = 0;
  try {
    for (const entry of await api.list({ label, status: ["exited", "dead", "created"] })) {
      if (world.failed.has(entry.Id)) continue;
      if (world.closing.aborted || tried === MOST_AT_ONCE) return { tried, failures, all: false };
      try {
        if (!(await isDone(entry, api, world))) continue;
        await api.remove(entry.Id);
      } catch (error) {
        world.failed.add(entry.Id);
        failures.push(error);
      }
      tried += 1;
    }
    return { tried, failures, all: true };
  } catch (error) {
    return { tried, failures: [...failures, error], all: false };
  }
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
