import { messageOf, PermanentError } from "../errors.ts";
import type { Io } from "./io.ts";

/** Errors of these codes say that what was asked for has a fault; asking again cannot help. */
const FAULTS: readonly string[] = ["invalid", "too_large", "unknown_flow"];

/** The exit code of a command that threw: 2 for a fault in what was asked for, else 1. */
export function exitCodeOf(error: unknown): number {
  return error instanceof PermanentError && FAULTS.includes(error.code) ? 2 : 1;
}

/** Says on standard error what went wrong: a paragraph, or one JSON document. */
export function reportError(io: Io, error: unknown, json: boolean): void {
  if (json) io.note(JSON.stringify(errorDocument(error)));
  else io.note(`sluice: ${messageOf(error)}`);
}

function errorDocument(error: unknown) {
  return error instanceof PermanentError
    ? { code: error.code, message: error.message, issues: error.issues }
    : { code: "internal", message: messageOf(error), issues: [] };
}
