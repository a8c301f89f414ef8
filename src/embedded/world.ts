import type { World } from "../backend.ts";
import { messageOf, PermanentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Observation } from "../state-after.ts";
import { readTemplateOnThisMachine } from "../templates/index.ts";

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
  rest: Pick<World, "now" | "once" | "closing" | "show"> & {
    /** Applies what a platform reports by itself. */
    apply(runId: string, observation: Observation): Promise<void>;
  },
): World {
  const { now, once, closing, show, apply } = rest;
  return {
    now,
    env,
    cwd,
    dataFolder,
    log,
    readTemplate: readTemplateOnThisMachine({ cwd }),
    secret: async (reference) => readSecret(env, reference),
    once,
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

/** The text of an `env:NAME` secret. Others live in a cloud this shape has nothing to do with. */
export function readSecret(env: Readonly<Record<string, string>>, reference: string): string {
  const name = reference.replace(/^env:/, "");
  if (!reference.startsWith("env:")) {
    throw new PermanentError(
      "unsupported",
      `the secret ${reference} cannot be read on this machine: use env:NAME`,
    );
  }
  const value = env[name];
  if (value === undefined) {
    throw new PermanentError("invalid", `the secret ${reference} is not set: set variable ${name}`);
  }
  return value;
}
