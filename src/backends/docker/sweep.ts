import type { World } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import { MINUTE } from "../../time.ts";
import type { DockerApi, Listed } from "./api.ts";
import { AGENT, AUTO_REMOVE } from "./labels.ts";
import { finishedAt } from "./status.ts";

/** Whoever has not stored the end of a run asks about it again within ten minutes; this is far longer. */
const QUIET_MS = 30 * MINUTE;
/** After such a pause nobody knows who would have asked meanwhile, so waiting starts anew. */
const PAUSE_MS = 15 * MINUTE;
/** A container nobody of this process has asked about is kept for so long after its end. */
const KEPT_MS = 24 * 60 * MINUTE;
const SWEEP_EVERY_MS = 5 * MINUTE;
const MOST_AT_ONCE = 20;

/** Which containers were asked about, and since when without a long pause. */
export interface Attention {
  readonly since: number;
  readonly last: number;
  readonly asked: ReadonlyMap<string, number>;
}

/** Notes that containers were asked about. Pure; what nobody asked about for long is forgotten. */
export function attend(
  attention: Attention | undefined,
  ids: readonly string[],
  now: number,
): Attention {
  const paused = attention === undefined || now - attention.last > PAUSE_MS;
  const old = [...(attention?.asked ?? [])].filter(([, at]) => now - at < KEPT_MS);
  return {
    since: paused ? now : attention.since,
    last: now,
    asked: new Map([...old, ...ids.map((id): [string, number] => [id, now])]),
  };
}

/**
 * Whether a container that ended at `end` may be removed: its end was reported, and nobody has asked
 * again for so long that it must be stored; or it ended so long ago that nobody will come for it. Pure.
 */
export function isForgotten(
  { id, end }: { readonly id: string; readonly end: number },
  { since, asked }: Attention,
  now: number,
): boolean {
  const last = asked.get(id);
  if (last === undefined) return now - end >= KEPT_MS;
  return (
    now - Math.max(last, since) >= QUIET_MS || (now - last >= QUIET_MS && now - end >= KEPT_MS)
  );
}

/**
 * Removes those containers of an agent that remove themselves, some time after their end: the engine
 * itself would do it at once, and exit code and log would be gone before anybody has read them. Called
 * after each look at running jobs; a failure is told and tried again.
 */
export function openSweeper(
  api: DockerApi,
  agent: string,
  { log, now }: Pick<World, "log" | "now">,
): (ids: readonly string[]) => Promise<void> {
  const filters = {
    label: [`${AUTO_REMOVE}=true`, `${AGENT}=${agent}`],
    status: ["exited", "dead", "created"],
  };
  let attention: Attention | undefined;
  let swept = Number.NEGATIVE_INFINITY;
  return async (ids) => {
    const moment = now().getTime();
    attention = attend(attention, ids, moment);
    if (moment - swept < SWEEP_EVERY_MS) return;
    swept = moment;
    try {
      const ended = await api.list(filters);
      await removeForgotten(api, ended, { attention, now: moment });
    } catch (error) {
      log.warn("ended containers not removed", { target: api.target, reason: messageOf(error) });
    }
  };
}

async function removeForgotten(
  api: DockerApi,
  listed: readonly Listed[],
  { attention, now }: { readonly attention: Attention; readonly now: number },
): Promise<void> {
  const candidates = listed.filter((entry) =>
    isForgotten({ id: entry.Id, end: madeAt(entry) }, attention, now),
  );
  for (const candidate of candidates.slice(0, MOST_AT_ONCE)) {
    const container = await api.inspect(candidate.Id);
    if (container === undefined) continue;
    const end = Date.parse(finishedAt(container.State) ?? "") || madeAt(candidate);
    if (isForgotten({ id: candidate.Id, end }, attention, now)) await api.remove(candidate.Id);
  }
}

/** A container ended after it was made, so this bounds its end without asking about it. */
function madeAt({ Created }: Listed): number {
  return Created * 1000;
}
