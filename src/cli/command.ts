import { PermanentError } from "../errors.ts";
import type { Io } from "./io.ts";
import type { Settings } from "./settings.ts";

/** What a command of the line is called, takes and says of itself; enough for help and completion. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Its arguments as help shows them, such as `<file|flow>` or `[file...]`. */
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Lines one could type, without `sluice`, and what each is for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Commands below it; a command has either these or something to do. */
  readonly commands?: readonly CommandSpec[];
  /** Loads what it does, only when it is called: help and completion are there at once. */
  readonly load?: () => Promise<{ readonly command: Command }>;
}

/** An argument by its place. */
export interface ArgumentSpec {
  readonly name: string;
  readonly description: string;
  readonly optional?: true;
  readonly many?: true;
  readonly choices?: readonly string[];
}

/** An option by its flags, such as `--label <label>`. */
export interface OptionSpec {
  readonly flags: string;
  readonly description: string;
  /** May be given several times. */
  readonly many?: true;
  readonly choices?: readonly string[];
}

/** Does what a command is for, and resolves to the exit code: 0 unless it says another. */
export type Command = (context: Context) => Promise<number | void>;

/** What a command is called with. */
export interface Context {
  readonly args: readonly string[];
  readonly options: Options;
  readonly settings: Settings;
  readonly io: Io;
}

/** Values of options by their names in camel case. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** The text given with an option, if it was given. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** The texts given with an option that may be repeated. */
export function textsOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return typeof value === "object" ? value : [];
}

/** The whole number given with an option. Throws `PermanentError` if it is none, or out of bounds. */
export function numberOption(
  options: Options,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new PermanentError(
    "invalid",
    `--${name} takes a whole number from ${least} to ${most}, got ${JSON.stringify(text)}`,
  );
}

/** The argument at a place; it is there, for the line was read with it as required. */
export function argument({ args }: Context, index = 0): string {
  return args[index] ?? "";
}
