import type { ArgumentSpec, CommandSpec, OptionSpec } from "../command.ts";
import { COMMANDS } from "../commands.ts";
import { GLOBAL_OPTIONS, HELP } from "../global-options.ts";

/** A command as completion sees it: by the words that lead to it, and without what all commands have. */
export interface Completable {
  /** `run`, or `token create`; empty for `sluice` itself, whose options may stand everywhere. */
  readonly words: readonly string[];
  /** The commands below it. */
  readonly commands: readonly CommandSpec[];
  readonly options: readonly CompletableOption[];
  readonly arguments: readonly ArgumentSpec[];
}

/** An option, taken apart. */
export interface CompletableOption {
  /** `-f`, if there is one. */
  readonly short?: string;
  /** `--follow` */
  readonly long: string;
  readonly description: string;
  /** What it takes; undefined if it takes nothing. */
  readonly value?: Values;
  readonly many: boolean;
}

/** What may stand somewhere. */
export type Values = "file" | "folder" | "any" | readonly string[];

/** `sluice` itself and every command below it. */
export function completables(): readonly [root: Completable, all: readonly Completable[]] {
  const below = (spec: CommandSpec, path: readonly string[]): readonly Completable[] => {
    const words = [...path, spec.name];
    const { commands = [] } = spec;
    const options = (spec.options ?? []).map(optionOf);
    const own = { words, commands, options, arguments: spec.arguments ?? [] };
    return [own, ...commands.flatMap((inner) => below(inner, words))];
  };
  const options = [...GLOBAL_OPTIONS, HELP].map(optionOf);
  const root = { words: [], commands: COMMANDS, options, arguments: [] };
  return [root, COMMANDS.flatMap((spec) => below(spec, []))];
}

function optionOf({ flags, description, choices, many }: OptionSpec): CompletableOption {
  const [, short, long = "", value] = /^(?:(-\w), )?(--[\w-]+)(?: <(.+)>)?$/.exec(flags) ?? [];
  return {
    long,
    description,
    many: many === true,
    ...(short === undefined ? {} : { short }),
    ...(value === undefined
      ? {}
      : { value: valuesOf({ name: value, ...(choices === undefined ? {} : { choices }) }) }),
  };
}

/** What may stand in the place of an argument. */
export function valuesOf({ name, choices }: Pick<ArgumentSpec, "name" | "choices">): Values {
  if (choices !== undefined) return choices;
  if (/\bfile\b/.test(name)) return "file";
  return name === "folder" ? "folder" : "any";
}
