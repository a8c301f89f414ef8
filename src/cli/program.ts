import { Argument, Command, CommanderError, Option } from "commander";
import { PermanentError } from "../errors.ts";
import type { ArgumentSpec, CommandSpec, OptionSpec, Options } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { exitCodeOf, reportError } from "./failure.ts";
import { GLOBAL_OPTIONS, HELP } from "./global-options.ts";
import type { Io } from "./io.ts";
import { settingsFrom } from "./settings.ts";
import { version } from "./version.ts";

/** What the line is read in. */
export interface Surroundings {
  readonly io: Io;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** The exit code of a line that does not name a command. */
const EXIT_USAGE = 2;

const AFTER = `
Without SLUICE_API_URL, \`sluice up\` launches runs, and while none works on the data folder, \`run\` and
\`rerun\` do. With it, and with SLUICE_TOKEN, commands talk to the HTTP API at that address.

Exit codes: 0 done, 1 failed, 2 a fault in what was asked for, 130 stopped with Ctrl-C.`;

/** Reads and executes a line of arguments, and resolves to its exit code. */
export async function runCli(argv: readonly string[], around: Surroundings): Promise<number> {
  let code = 0;
  const program = programFor(around, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(helpLine(argv), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const fault = error instanceof CommanderError ? usageFault(error) : error;
    if (fault !== undefined) reportError(around.io, fault, argv.includes("--json"));
    return fault === undefined ? EXIT_USAGE : exitCodeOf(fault);
  }
}

/** `help run` asks for what `run --help` tells. */
function helpLine(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  return first === "help" ? [...rest, "--help"] : argv;
}

function programFor(around: Surroundings, done: (code: number) => void): Command {
  const { io } = around;
  const program = new Command("sluice")
    .description(
      "Takes flow runs off a queue and launches each of them, once, where it should run.",
    )
    .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(io.columns, 100) })
    .configureOutput({
      writeOut: (text) => void io.write(text),
      writeErr: (text) => io.note(text.trimEnd()),
      outputError: () => undefined,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .version(version(), "-V, --version", "print the version")
    .helpCommand(false)
    .helpOption(HELP.flags, HELP.description)
    .addHelpText("after", AFTER);
  GLOBAL_OPTIONS.map(optionFor).forEach((option) => program.addOption(option));
  COMMANDS.forEach((spec) => addCommand(program, spec, { around, done, path: "sluice" }));
  return program;
}

/** The fault of a line that cannot be read; undefined if its help was printed instead. */
function usageFault({ code, message }: CommanderError): PermanentError | undefined {
  if (code === "commander.help") return undefined;
  const text = message.replace(/^error: /, "").replace(/\n/g, " ");
  return new PermanentError("invalid", `${text} (--help tells more)`);
}

interface Adding {
  readonly around: Surroundings;
  readonly done: (code: number) => void;
  /** The words before the name of the command. */
  readonly path: string;
}

function addCommand(parent: Command, spec: CommandSpec, adding: Adding): void {
  const command = parent.command(spec.name).description(spec.summary).helpCommand(false);
  spec.arguments?.forEach((argument) => command.addArgument(argumentFor(argument)));
  spec.options?.forEach((option) => command.addOption(optionFor(option)));
  command.addHelpText("after", () => `\nExamples:\n${examplesText(spec)}`);
  const path = `${adding.path} ${spec.name}`;
  spec.commands?.forEach((inner) => addCommand(command, inner, { ...adding, path }));
  const { load } = spec;
  if (load === undefined) return;
  command.action(async () => {
    const { io, ...surroundings } = adding.around;
    const options = command.optsWithGlobals<Options>();
    const settings = settingsFrom(options, surroundings);
    const { command: execute } = await load();
    const code = await execute({
      args: command.processedArgs.flat() as string[],
      options,
      settings,
      io,
    });
    adding.done(code ?? 0);
  });
}

function argumentFor({ name, description, optional, many, choices }: ArgumentSpec): Argument {
  const inner = many ? `${name}...` : name;
  const argument = new Argument(optional ? `[${inner}]` : `<${inner}>`, description);
  return choices === undefined ? argument : argument.choices(choices);
}

function optionFor({ flags, description, many, choices }: OptionSpec): Option {
  const option = new Option(flags, description);
  if (choices !== undefined) option.choices(choices);
  // Each occurrence adds one value; commander's own variadic options would swallow arguments.
  if (many) {
    option.argParser((value, before?: readonly string[]) => [...(before ?? []), value]);
  }
  return option;
}

function examplesText({ examples }: CommandSpec): string {
  return examples.map(([line, purpose]) => `  # ${purpose}\n  $ sluice ${line}`).join("\n");
}
