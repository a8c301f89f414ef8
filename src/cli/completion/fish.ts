import { type Completable, type CompletableOption, type Values, valuesOf } from "./completable.ts";

/** A script for fish. */
export function fishScript(root: Completable, all: readonly Completable[]): string {
  return [
    "# fish completion of sluice",
    "complete -c sluice -f",
    ...[root, ...all].flatMap(linesFor),
    "",
  ].join("\n");
}

function linesFor(completable: Completable): readonly string[] {
  const { words, commands, options, arguments: args } = completable;
  const here = conditionOf(words);
  const names = commands.map(({ name }) => name);
  const before =
    words.length === 0
      ? "__fish_use_subcommand"
      : `${here}; and not __fish_seen_subcommand_from ${names.join(" ")}`;
  const values = args.map(valuesOf).filter((values) => values !== "any");
  return [
    ...commands.map(({ name, summary }) => line(before, `-a ${name} -d ${quote(summary)}`)),
    ...options.map((option) => line(here, optionText(option))),
    ...values.map((values) => line(here, valueText(values, false))),
  ];
}

function conditionOf(words: readonly string[]): string {
  return words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
}

function line(condition: string, rest: string): string {
  return ["complete -c sluice", ...(condition === "" ? [] : [`-n ${quote(condition)}`]), rest].join(
    " ",
  );
}

function optionText({ short, long, description, value }: CompletableOption): string {
  return [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    `-l ${long.slice(2)}`,
    ...(value === undefined ? [] : [valueText(value, true)]),
    `-d ${quote(description)}`,
  ].join(" ");
}

function valueText(values: Values, required: boolean): string {
  const flag = required ? "-r " : "";
  if (values === "any") return required ? "-x" : "";
  if (values === "file") return `${flag}-F`;
  if (values === "folder") return `${required ? "-x " : ""}-a '(__fish_complete_directories)'`;
  return `${required ? "-x " : ""}-a ${quote(values.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
