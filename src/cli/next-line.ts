import { type Context, textOption } from "./command.ts";

/** Options that name files; a line without them would work elsewhere. */
const FILES = ["config", "data"];

/** A line to type next, with the same files as this one was typed with, as a shell takes it. */
export function nextLine({ options }: Pick<Context, "options">, line: string): string {
  const named = FILES.flatMap((name) => {
    const file = textOption(options, name);
    return file === undefined ? [] : [`--${name} ${quoted(file)}`];
  });
  return ["sluice", line, ...named].join(" ");
}

function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
