import { FINAL_STATES, type RunState, type StateType } from "./run.ts";

/** What moves a run from one state to another. */
export type TransitionEvent =
  | "create"
  | "send"
  | "wait"
  | "launch"
  | "take over"
  | "release"
  | "submit"
  | "observe"
  | "cancel"
  | "end";

type Row = readonly [from: StateType | "new", event: TransitionEvent, to: StateType];

const ends = (from: StateType | "new", event: TransitionEvent): Row[] =>
  FINAL_STATES.map((to): Row => [from, event, to]);

/** Every way a run may go. Whatever is not in this table cannot be written. */
export const TRANSITIONS: readonly Row[] = [
  ["new", "create", "scheduled"],
  ["new", "create", "waiting"],
  ["new", "create", "launching"],
  ["new", "end", "crashed"],
  ["scheduled", "send", "scheduled"],
  ["scheduled", "wait", "waiting"],
  ["scheduled", "launch", "launching"],
  ["scheduled", "cancel", "cancelled"],
  ["scheduled", "end", "crashed"],
  ["waiting", "send", "waiting"],
  ["waiting", "wait", "waiting"],
  ["waiting", "launch", "launching"],
  ["waiting", "observe", "submitted"],
  ["waiting", "observe", "running"],
  ...ends("waiting", "observe"),
  ["waiting", "cancel", "cancelled"],
  ["waiting", "cancel", "cancelling"],
  ["waiting", "end", "crashed"],
  ["launching", "send", "launching"],
  ["launching", "take over", "launching"],
  ["launching", "release", "launching"],
  ["launching", "wait", "waiting"],
  ["launching", "submit", "submitted"],
  ["launching", "observe", "submitted"],
  ["launching", "observe", "running"],
  ...ends("launching", "observe"),
  ["launching", "cancel", "cancelling"],
  ["launching", "end", "crashed"],
  ["submitted", "observe", "running"],
  ...ends("submitted", "observe"),
  ["submitted", "cancel", "cancelling"],
  ...ends("running", "observe"),
  ["running", "cancel", "cancelling"],
  ["cancelling", "cancel", "cancelling"],
  ["cancelling", "observe", "cancelling"],
  ...ends("cancelling", "observe"),
  ["cancelling", "end", "cancelled"],
  ["cancelling", "end", "crashed"],
];

/** Whether the table has a row for this change. */
export function isTransition(
  from: RunState | undefined,
  event: TransitionEvent,
  to: RunState,
): boolean {
  const source = from?.type ?? "new";
  return TRANSITIONS.some((row) => row[0] === source && row[1] === event && row[2] === to.type);
}
