/**
 * Makes the files that follow from the code: JSON Schemas in `schemas/`, the table of states, the
 * list of differences and the costs in `docs/`. With `--check` it changes nothing and fails, naming each stale file.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { callsPage } from "./generate/calls.ts";
import { costPage, hostCostPage } from "./generate/costs.ts";
import { differencePage } from "./generate/differences.ts";
import { schemaFiles } from "./generate/schemas.ts";
import { statePage } from "./generate/states.ts";

/** A generated file: its path from the root of the project, and what must be in it. */
export interface Generated {
  readonly path: string;
  readonly content: string;
}

const files: readonly Generated[] = [
  ...(await schemaFiles()),
  statePage(),
  costPage(),
  hostCostPage(),
  callsPage(),
  differencePage(),
];

const stale = files.filter(
  ({ path, content }) => !existsSync(path) || readFileSync(path, "utf8") !== content,
);

if (process.argv.includes("--check")) {
  for (const { path } of stale) console.error(`${path} is stale: run \`npm run generate\``);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const { path, content } of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    console.log(`wrote ${path}`);
  }
}
