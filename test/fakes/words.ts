/** The words of a command, be it a list or, as a flow's text becomes, a line for a shell. */
export function wordsOf(command: readonly string[] = []): readonly string[] {
  const [shell, flag, line = ""] = command;
  return shell === "/bin/sh" && flag === "-c" ? line.split(" ") : command;
}
