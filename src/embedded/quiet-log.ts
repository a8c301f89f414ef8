import { boundedMap } from "../bounded.ts";
import type { LogFields, Logger } from "../log.ts";
import { MINUTE } from "../time.ts";

/** How long a line that was written is not written again. */
const QUIET_MS = 10 * MINUTE;
/** How many lines are remembered. */
const MOST = 1_000;

/**
 * A log in which a warning or an error of the same message and fields is written once, and again only after
 * ten minutes: what is wrong with a run is seen in every tick, and would bury everything else.
 */
export function quietLog(log: Logger, now: () => Date): Logger {
  const written = boundedMap<number>(MOST);
  const once =
    (level: "warn" | "error") =>
    (message: string, fields: LogFields = {}) => {
      const line = JSON.stringify([level, message, fields]);
      const age = now().getTime() - (written.get(line) ?? Number.NEGATIVE_INFINITY);
      // A clock that was put back must not keep it quiet for longer.
      if (age >= 0 && age < QUIET_MS) return;
      written.put(line, now().getTime());
      log[level](message, fields);
    };
  return { info: log.info, warn: once("warn"), error: once("error") };
}
