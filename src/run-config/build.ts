import { invalid } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import type { ParsedRunConfig, RunConfig } from "./index.ts";

/** Options of a builder, by their names in TypeScript. */
export type Options = Readonly<Record<string, JsonValue | undefined>>;

/** Options that are set, under their wire names. */
export function toWire(options: Options): JsonObject {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      ]),
  );
}

/** The run config, unless it has faults; an option that its type does not know is one. */
export function accepted(what: string, parsed: ParsedRunConfig): RunConfig {
  if (!parsed.ok) throw invalid(what, parsed.issues);
  const issues = parsed.warnings.map((message) => ({ path: "", message }));
  if (issues.length > 0) throw invalid(what, issues);
  return parsed.config;
}
