import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { DockerApi, Listed } from "./api.ts";
import { AGENT, AUTO_REMOVE, labelsOfInstallation, launchOfLabels } from "./labels.ts";
import { finishedAt } from "./status.ts";

/** For so long after its end the log of a container can still be read. */
const KEPT_MS = 30 * MINUTE;
const TIDY_EVERY_MS = 5 * MINUTE;

/**
 * Removes those containers of an agent that remove themselves, half an hour after their end: the engine
 * itself would do it at once, and exit code and log would be gone before anybody has read them. Only a
 * container whose launch is over in the store is removed, so that one whose end nobody has stored yet,
 * because the process that should have done it died, is there for whoever asks next. Containers of
 * other installations, and of runs the store does not know, are left alone.
 *
 * Goes through all every five minutes, over as many calls as that takes, and never twice at once. What
 * cannot be removed is told, left to the next pass, and keeps nobody else; it never throws.
 */
export function tidier(
  api: Api,
  agent: string,
  world: Surroundings,
): (signal: AbortSignal) => Promise<void> {
  const { log, now, isOver, closing } = world;
  const failed = new Set<string>();
  let next = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const moment = now().getTime();
    const until = AbortSignal.any([signal, closing]);
    if (isOver === undefined || until.aborted || moment < next) return;
    next = Number.POSITIVE_INFINITY;
    const { came, failures } = await goThrough(api, agent, { ...world, failed, until });
    if (came === "to its end") failed.clear();
    next = came === "to a break" ? moment : moment + TIDY_EVERY_MS;
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
  readonly until: AbortSignal;
}

interface Outcome {
  /** How far the pass came; to nothing where its list did not come. */
  readonly came: "to its end" | "to a break" | "to nothing";
  readonly failures: readonly unknown[];
}

async function goThrough(api: Api, agent: string, pass: Pass): Promise<Outcome> {
  const ofAgent = [`${AUTO_REMOVE}=true`, `${AGENT}=${agent}`];
  const label = [...ofAgent, ...labelsOfInstallation(pass.installation)];
  const failures: unknown[] = [];
  try {
    for (const entry of await api.list({ label, status: ["exited", "dead", "created"] })) {
      if (pass.failed.has(entry.Id)) continue;
      if (pass.until.aborted) return { came: "to a break", failures };
      try {
        if (await isDone(entry, api, pass)) await api.remove(entry.Id);
      } catch (error) {
        pass.failed.add(entry.Id);
        failures.push(error);
      }
    }
    return { came: "to its end", failures };
  } catch (error) {
    return { came: "to nothing", failures: [error] };
  }
}

async function isDone(
  { Id, Created, Labels }: Listed,
  api: Pick<DockerApi, "inspect">,
  { installation, now, isOver }: Pick<World, "installation" | "now" | "isOver">,
): Promise<boolean> {
  const launch = launchOfLabels(Labels ?? {}, installation);
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
