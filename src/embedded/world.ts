import type { World } from "../backend.ts";
import { messageOf } from "../errors.ts";
import { launchRates } from "../launch-rates.ts";
import type { Logger } from "../log.ts";
import type { Observation } from "../state-after.ts";
import { readersOnThisMachine } from "./readers.ts";

/** What is known of this machine and process. */
interface Machine {
  readonly dataFolder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly log: Logger;
}

/** What backends on this machine are given of the outside. */
export function machineWorld(
  { dataFolder, env, cwd, log }: Machine,
  rest: Pick<World, "now" | "once" | "machine" | "isOver" | "closing" | "show"> & {
    /** Applies what a platform reports by itself. */
    apply(runId: string, observation: Observation): Promise<void>;
  },
): World {
  const { now, once, machine, isOver, closing, show, apply } = rest;
  return {
    now,
    env,
    cwd,
    dataFolder,
    log,
    ...readersOnThisMachine({ env, cwd, now }),
    once,
    ...(machine === undefined ? {} : { machine }),
    ...(isOver === undefined ? {} : { isOver }),
    // One process launches on this machine; another one that stands in has its own tokens.
    launchRates: launchRates({ processes: 1, now }),
    observe: (runId, observation) => {
      // What gets lost here is found by the next tick.
      apply(runId, observation).catch((error: unknown) =>
        log.warn("event not applied", { runId, reason: messageOf(error) }),
      );
    },
    ...(show === undefined ? {} : { show }),
    closing,
  };
}
