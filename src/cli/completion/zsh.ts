import type { ArgumentSpec } from "../command.ts";
import { type Completable, type CompletableOption, type Values, valuesOf } from "./completable.ts";

/** A script for zsh, for a file `_sluice` on its `fpath`. */
export function zshScript(root: Completable, all: readonly Completable[]): string {
  return `#compdef sluice
${[root, ...all].map((completable) => functionFor(completable, root)).join("\n")}
if [ "$funcstack[1]" = "_sluice" ]; then _sluice "$@"; else compdef _sluice sluice; fi
`;
}

function functionFor(completable: Completable, root: Completable): string {
  const { words, commands, options, arguments: args } = completable;
  const specs = [
    ...[...(completable === root ? [] : options), ...root.options].flatMap(optionSpecs),
    ...(commands.length > 0 ? ["'1:command:->command'", "'*::argument:->argument'"] : []),
    ...args.map(argumentSpec),
  ];
  const name = functionName(words);
  const dispatch = commands.length === 0 ? "" : dispatchOf(completable);
  return `${name}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C \\
    ${specs.join(" \\\n    ")}
${dispatch}}`;
}

function dispatchOf({ words, commands }: Completable): string {
  const described = commands.map(({ name, summary }) => quote(`${name}:${summary}`));
  const cases = commands.map(({ name }) => `        ${name}) ${functionName([...words, name])} ;;`);
  return `  case $state in
    command)
      local -a commands
      commands=(
        ${described.join("\n        ")}
      )
      _describe command commands ;;
    argument)
      case $line[1] in
${cases.join("\n")}
      esac ;;
  esac
`;
}

function functionName(words: readonly string[]): string {
  return ["_sluice", ...words].join("_");
}

function optionSpecs({
  short,
  long,
  description,
  value,
  many,
}: CompletableOption): readonly string[] {
  const repeat = many ? "*" : "";
  const taken = value === undefined ? "" : `:value:${actionOf(value)}`;
  const flags = short === undefined ? [long] : [short, long];
  return flags.map((flag) => {
    const joint = value !== undefined && flag === long ? "=" : "";
    return quote(`${repeat}${flag}${joint}[${escaped(description)}]${taken}`);
  });
}

function argumentSpec(argument: ArgumentSpec): string {
  const place = argument.many ? "*" : argument.optional ? ":" : "";
  return quote(`${place}:${escaped(argument.name)}:${actionOf(valuesOf(argument))}`);
}

function actionOf(values: Values): string {
  if (values === "any") return "";
  if (values === "file") return "_files";
  if (values === "folder") return "_files -/";
  return `(${values.join(" ")})`;
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
