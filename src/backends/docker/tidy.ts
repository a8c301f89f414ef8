import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { DockerApi, Listed } from "./api.ts";
import { AGENT, AUTO_REMOVE, labelsOfInstallation, launchOfLabels } from "./labels.ts";
import { finishedAt } from "./status.ts";

/** How long after its end the log of a container can still be read, at least. */
const KEPT_MS = 30 * MINUTE;
const TIDY_EVERY_MS = 5 * MINUTE;

/**
 * Removes those containers of an agent that remove themselves, half an hour after their end: the engine
 * itself would do it at once, and exit code and log would be gone before anybody has read them. Only a
 * container whose launch is over in the store is removed, so that one whose end nobody has stored yet,
 * because the process that should have done it died, is there for whoever asks next. Containers of
 * other installations, and of runs the store does not know, are left alone.
 *
 * Goes through all every five minutes, over as many calls as that takes, each of which goes on where the
 * one before stopped, and never twice at once. What cannot be removed is told, left to the next pass, and
 * keeps nobody else; it never throws.
 */
export function tidier(
  api: Api,
  agent: string,
  world: Surroundings,
): (signal: AbortSignal) => Promise<void> {
  const { log, now, isOver, closing } = world;
  const pass: Pass = { busy: false, next: Number.NEGATIVE_INFINITY, left: [] };
  return async (signal) => {
    const moment = now().getTime();
    const until = AbortSignal.any([signal, closing]);
    if (isOver === undefined || until.aborted || pass.busy) return;
    if (pass.left.length === 0 && moment < pass.next) return;
    pass.busy = true;
    const failures = await goOn(api, agent, { ...world, pass, until });
    pass.busy = false;
    if (pass.left.length === 0) pass.next = moment + TIDY_EVERY_MS;
    if (closing.aborted || failures.length === 0) return;
    const reason = messageOf(failures[0]);
    const fields = { target: api.target, failures: failures.length, reason };
    log.warn("ended containers not removed", fields);
  };
}

type Api = Pick<DockerApi, "target" | "list" | "inspect" | "remove">;
type Surroundings = Pick<World, "installation" | "log" | "now" | "isOver" | "closing">;

/** One way through the containers of an agent. */
interface Pass {
  /** Whether somebody is at work on it. */
  busy: boolean;
  /** When the next one may begin, in milliseconds. */
  next: number;
  /** What was listed and is not looked at yet. */
  left: Listed[];
}

interface Going extends Surroundings {
  readonly pass: Pass;
  readonly until: AbortSignal;
}

/** What went wrong. */
async function goOn(api: Api, agent: string, going: Going): Promise<readonly unknown[]> {
  const { pass, until, installation } = going;
  const failures: unknown[] = [];
  try {
    if (pass.left.length === 0) pass.left = await listed(api, agent, installation);
  } catch (error) {
    return [error];
  }
  while (!until.aborted) {
    const entry = pass.left.shift();
    if (entry === undefined) break;
    try {
      if (await isDone(entry, api, going)) await api.remove(entry.Id);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

async function listed(
  api: Api,
  agent: string,
  installation: Surroundings["installation"],
): Promise<Listed[]> {
  const ofAgent = [`${AUTO_REMOVE}=true`, `${AGENT}=${agent}`];
  const label = [...ofAgent, ...labelsOfInstallation(installation)];
  return [...(await api.list({ label, status: ["exited", "dead", "created"] }))];
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
