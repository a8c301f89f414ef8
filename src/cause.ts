import type { PermanentError } from "./errors.ts";
import type { Cause } from "./run.ts";

/** Why a run ends that can never work; of many faults as many as a head has room for. */
export function causeOf(error: PermanentError): Cause {
  const { code } = error;
  const type =
    code === "image" || code === "rejected" || code === "start_failed" ? code : "invalid";
  return { type, message: error.brief };
}
