import type { LaunchAnswer } from "../../backend.ts";
import type { Failure } from "./api.ts";

/** What a refused launch says: the message, and what the refusal is about if that is known. */
export type Refusal = Omit<Extract<LaunchAnswer, { type: "refused" }>, "type">;

/** What it means that RunTask has started no task, by ECS's own words. Pure. */
export function refusalFor(failures: readonly Failure[]): Refusal {
  const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
  const text = [...new Set(reasons)].join("; ");
  const message = `ECS cannot place the task: ${text}`;
  if (CONFIGURATION.test(text)) {
    const advice = "if this stays so, look at the placement constraints and the network";
    return { message: `${message}; ${advice}`, hint: "configuration" };
  }
  return CAPACITY.test(text) ? { message, hint: "capacity" } : { message };
}

/** No instance, however many there are, is as asked for. */
const CONFIGURATION = /\b(ATTRIBUTE|LOCATION)\b|MemberOf|placement constraint/;

/** Instances are started, or given back by others, within minutes. */
const CAPACITY = /\bRESOURCE:|capacity|NO ACTIVE INSTANCES|no container instances were found/i;
