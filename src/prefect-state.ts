import type { StateType } from "./run.ts";

/** What Prefect calls the states: 1's names, and Orion's `Crashed`. */
export const PREFECT_STATES = {
  scheduled: "Scheduled",
  waiting: "Scheduled",
  launching: "Submitted",
  submitted: "Submitted",
  running: "Running",
  cancelling: "Cancelling",
  succeeded: "Success",
  failed: "Failed",
  crashed: "Crashed",
  timed_out: "TimedOut",
  cancelled: "Cancelled",
} as const satisfies Record<StateType, string>;
