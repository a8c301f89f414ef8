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
 * Called after each look at running jobs; sweeps every five minutes at most, and never twice at once. A
 * failure is told and tried again; it never throws.
 */
export function openSweeper(
  api: Pick<DockerApi, "target" | "list" | "inspect" | "remove">,
  agent: string,
  world: Pick<World, "installation" | "log" | "now" | "isOver" | "closing">,
): () => Promise<void> {
  const { installation, log, now, isOver, closing } = world;
  const filters = {
    label: [`${AUTO_REMOVE}=true`, `${AGENT}=${agent}`, ...labelsOfInstallation(installation)],
    status: ["exited", "dead", "created"],
  };
  let next = Number.NEGATIVE_INFINITY;
  const sweep = async () => {
    let removed = 0;
    for (const entry of await api.list(filters)) {
      if (closing.aborted || removed === MOST_AT_ONCE) return;
      if (!(await isDone(entry, api, world))) continue;
      await api.remove(entry.Id);
      removed += 1;
    }
  };
  return async () => {
    const moment = now().getTime();
    if (isOver === undefined || moment < next) return;
    next = Number.POSITIVE_INFINITY;
    try {
      await sweep();
    } catch (error) {
      if (closing.aborted) return;
      log.warn("ended containers not removed", { target: api.target, reason: messageOf(error) });
    } finally {
      next = moment + SWEEP_EVERY_MS;
    }
  };
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
