import type { OptionSpec } from "./command.ts";

/** Option that prints help; a command has it by itself. */
export const HELP: OptionSpec = { flags: "-h, --help", description: "print this help" };

/** Options every command takes. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--config <file>",
    description: "path of sluice.yml (SLUICE_CONFIG; default: beside .sluice, else ./sluice.yml)",
  },
  {
    flags: "--data <folder>",
    description: "where runs are kept (SLUICE_DATA; default: .sluice beside sluice.yml)",
  },
  { flags: "--json", description: "print JSON, one document a line" },
];
