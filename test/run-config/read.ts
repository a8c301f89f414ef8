import { parseRunConfig, type RunConfig } from "../../src/run-config/index.ts";

/** The run config of a wire form without faults. */
export function read(wire: unknown): RunConfig {
  const parsed = parseRunConfig(wire, "run_config");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.config;
}

/** The faults of a wire form, each as `path: message`. */
export function faults(wire: unknown): string[] {
  const parsed = parseRunConfig(wire, "run_config");
  return parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path}: ${message}`);
}

/** The warnings about a wire form without faults. */
export function warnings(wire: unknown): readonly string[] {
  const parsed = parseRunConfig(wire, "run_config");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.warnings;
}
