import type { LaunchPlan, LaunchRequest } from "./backend.ts";

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
