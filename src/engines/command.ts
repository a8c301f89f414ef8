import type { Engine } from "../engine.ts";
import type { Flow } from "../flow.ts";

/**
 * Runs the flow's own command: a list as it is, a text by `/bin/sh -c`, on every backend alike. A flow
 * without a command leaves it to the image.
 */
export const commandEngine: Engine = {
  name: "command",
  command: ({ flow }) => shellCommand(flow.command),
  defaults: () => ({}),
  required: () => ({}),
  secrets: [],
};

/** The argument list of a command that may be written as a text for a shell. */
export function shellCommand(command: Flow["command"]): readonly string[] | undefined {
  return typeof command === "string" ? ["/bin/sh", "-c", command] : command;
}
