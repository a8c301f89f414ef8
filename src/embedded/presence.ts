import type { App } from "../app.ts";
import { messageOf } from "../errors.ts";
import type { Dispatchers } from "../stores/sqlite/dispatchers.ts";
import { SECOND, timestamp } from "../time.ts";
import { rest } from "./rest.ts";

/** How processes on one data folder know whether one of them keeps dispatching. */
export interface Presence {
  /** Says that this process keeps dispatching, until `signal` is aborted. */
  keep(signal: AbortSignal): Promise<void>;
  /** Whether a process keeps dispatching; one that was killed does for 10 seconds more. */
  kept(): boolean;
}

/** Beats are not held up by a slow tick, and several may be lost before a dispatcher counts as gone. */
const BEAT_EVERY_MS = 2 * SECOND;

/** The presence of this process among those on its data folder. */
export function presenceOf(
  { newId, now, log }: Pick<App, "newId" | "now" | "log">,
  dispatchers: Dispatchers,
): Presence {
  const id = newId();
  return {
    async keep(signal) {
      while (!signal.aborted) {
        try {
          dispatchers.beat(id, timestamp(now()));
        } catch (error) {
          log.error("presence not noted", { reason: messageOf(error) });
        }
        await rest(BEAT_EVERY_MS, signal);
      }
      dispatchers.leave(id);
    },
    kept: () => dispatchers.present(timestamp(now())),
  };
}
