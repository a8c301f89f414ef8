import type { Io } from "./io.ts";

/** Writes a result as one line of JSON. */
export function writeJson(io: Io, value: object): Promise<void> {
  return io.write(`${JSON.stringify(value)}\n`);
}

/** Tells people what is not as it may be meant. */
export function warn(io: Io, warnings: readonly string[]): void {
  for (const warning of warnings) io.note(`sluice: warning: ${warning}`);
}
