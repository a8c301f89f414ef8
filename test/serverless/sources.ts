import { cpSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

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
