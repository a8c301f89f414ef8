import { PermanentError } from "../../errors.ts";
import type { Start } from "./api.ts";
import { codeOf } from "./files.ts";

/** The error of a run whose directory is missing. */
export function missingDirectory(runId: string, directory: string): PermanentError {
  return new PermanentError(
    "start_failed",
    `run ${runId} cannot start in ${directory}: there is no such directory on this machine; make it or name another working_dir`,
  );
}

/** The error of a run whose command is missing. What is on its PATH is nobody's business. */
export function missingCommand(runId: string, name: string): PermanentError {
  const what = name.includes("/")
    ? "there is no such executable file"
    : "no executable file of this name is on its PATH";
  return new PermanentError(
    "start_failed",
    `run ${runId} cannot start ${JSON.stringify(name)}: ${what}; install it on this machine or name it by its path`,
  );
}

/** The error of a run whose command is a script for a program that is missing. */
export function missingInterpreter(
  runId: string,
  name: string,
  interpreter: string,
): PermanentError {
  return new PermanentError(
    "start_failed",
    `run ${runId} cannot start ${JSON.stringify(name)}: its interpreter ${JSON.stringify(interpreter)} (first line) is missing; install it on this machine or change that line`,
  );
}

/** Whether a machine has no room for one more process, which goes by. */
export function isNoRoom(error: unknown): boolean {
  return ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"].includes(codeOf(error));
}

/** Whether an error says that a process was to be handed more text than its machine allows. */
export function isTooLarge(error: unknown): boolean {
  return codeOf(error) === "E2BIG";
}

/**
 * The error of a run whose command and variables are too long. Linux takes texts of 128 KiB each, and
 * all of them together up to a quarter of the limit of the stack.
 */
export function tooLarge(
  runId: string,
  { command, env }: Pick<Start, "command" | "env">,
): PermanentError {
  const sizes = [
    ...Object.entries(env).map(([name, value]) => ({ name, size: name.length + value.length })),
    { name: "the command", size: command.join(" ").length },
  ].sort((a, b) => b.size - a.size);
  const largest = sizes.slice(0, 3).map(({ name, size }) => `${name} ${size}`);
  return new PermanentError(
    "too_large",
    `run ${runId} has more text in its command and variables than this machine hands to a process; the largest, in characters: ${largest.join(", ")}`,
  );
}
