import { execFile } from "node:child_process";
import { cpSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

/** What the framework needs to package and to deploy. */
const SOURCES = ["deploy", "events", "functions", "schemas", "scripts", "src"];
const FILES = ["package.json", "serverless.yml", "tsconfig.json"];

/** The framework's command line, from the root of a copy. */
export const SERVERLESS = join("node_modules", "serverless", "bin", "serverless.js");

/**
 * Copies the service into a folder. Each copy builds into a `dist` of its own, so that packages with
 * different agents can be made side by side.
 */
export function copySources(folder: string): void {
  for (const name of [...SOURCES, ...FILES]) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
}

/**
 * Runs a command of the framework in a copy, in an environment without credentials. Rejects where it fails;
 * what it wrote is in `stdout` and `stderr` of the error.
 */
export async function serverless(folder: string, line: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [SERVERLESS, ...line], {
    cwd: folder,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      SLS_TELEMETRY_DISABLED: "1",
      AWS_EC2_METADATA_DISABLED: "true",
    },
  });
}
