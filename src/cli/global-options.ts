import type { OptionSpec } from "./command.ts";

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
