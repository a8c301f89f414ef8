import type { LaunchPlan, LaunchRequest, LogPage, World } from "./backend.ts";
import { messageOf } from "./errors.ts";

/** The plans of an agent whose runs have their output shown while they run. */
export interface ShownPlans {
  /** Notes a plan whose run is to be shown, and returns it. */
  note(request: LaunchRequest, plan: LaunchPlan): LaunchPlan;
  has(plan: LaunchPlan): boolean;
}

/**
 * Whether output is shown is no part of what is sent, so it is kept beside plans, as long as they are.
 * Every run of the agent is shown if `always`, else those whose run config says `stream_output`.
 */
export function shownPlans(always: boolean): ShownPlans {
  const shown = new WeakSet<LaunchPlan>();
  return {
    note({ config }, plan) {
      if (always || config.options["stream_output"] === true) shown.add(plan);
      return plan;
    },
    has: (plan) => shown.has(plan),
  };
}

/** How the log of a run is followed. */
export interface Following {
  /** A page of the log, from the place on where the last one ended. */
  page(after?: string): Promise<LogPage>;
  /** Waits; the end of this process is not held back by it. */
  sleep(ms: number): Promise<void>;
  /** How long to wait, in milliseconds, before looking again after a page with nothing new. */
  readonly everyMs: number;
  /** To what that wait doubles while nothing comes. Default: it stays as it is. */
  readonly atMostMs?: number;
}

/** Shows what a run writes, line by line, until its log is complete or the world closes. */
export async function showLog(
  { show, closing, log }: Pick<World, "show" | "closing" | "log">,
  runId: string,
  { page, sleep, everyMs, atMostMs = everyMs }: Following,
): Promise<void> {
  if (show === undefined) return;
  try {
    let after: string | undefined;
    let wait = everyMs;
    while (!closing.aborted) {
      const { lines, next, complete } = await page(after);
      for (const { text } of lines) show(runId, text);
      if (complete) return;
      after = next;
      // What follows lines is asked for at once: a page may be full.
      if (lines.length === 0) await sleep(wait);
      wait = lines.length === 0 ? Math.min(wait * 2, atMostMs) : everyMs;
    }
  } catch (error) {
    if (closing.aborted) return;
    log.warn("output of a run not shown", { runId, reason: messageOf(error) });
  }
}
