import type { App } from "../app.ts";
import type { World } from "../backend.ts";
import { messageOf } from "../errors.ts";
import { isOverIn } from "../jobs.ts";
import { launchRates } from "../launch-rates.ts";
import type { Observation } from "../state-after.ts";
import { readersOnThisMachine } from "./readers.ts";

/** What backends on this machine are given of the outside. */
export function machineWorld(
  process: Required<Pick<World, "dataFolder">> &
    Pick<World, "env" | "cwd" | "log" | "show" | "installation">,
  rest: Required<Pick<World, "now" | "machine" | "closing">> & {
    readonly storage: Pick<App, "store" | "registry">;
    /** Applies what a platform reports by itself. */
    apply(runId: string, observation: Observation): Promise<void>;
  },
): World {
  const { dataFolder, env, cwd, log, show, installation } = process;
  const { apply, storage, ...given } = rest;
  const { now } = given;
  return {
    ...given,
    dataFolder,
    env,
    cwd,
    log,
    ...(show === undefined ? {} : { show }),
    ...(installation === undefined ? {} : { installation }),
    once: storage.registry.once,
    isOver: isOverIn(storage.store),
    ...readersOnThisMachine({ env, cwd, now }),
    // One process launches on this machine; another one that stands in has its own tokens.
    launchRates: launchRates({ processes: 1, now }),
    observe: (runId, observation) => {
      // What gets lost here is found by the next tick.
      apply(runId, observation).catch((error: unknown) =>
        log.warn("event not applied", { runId, reason: messageOf(error) }),
      );
    },
  };
}
