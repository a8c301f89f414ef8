import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../src/json.ts";
import { type Started, startSluice } from "../cli/sluice.ts";

/** A machine as the documents in `examples/` expect one. */
export interface ExampleMachine {
  readonly path: string;
  /** Stands for `/srv/flows`. */
  readonly flows: string;
  /** Variables of a shell on it: its programs, and the secrets that agents name. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a folder of its own, with files by their names. */
  folder(files?: Readonly<Record<string, string>>): string;
  remove(): void;
}

/** What is typed on a machine. */
export interface Typed {
  /** What follows `sluice run`. */
  readonly args: readonly string[];
  /** The agents of its `sluice.yml`; there is no such file if there are none. */
  readonly agents: JsonObject;
  /** Default: the variables of the machine. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Types `sluice run … --watch --json`, with a data folder and a `sluice.yml` of its own. */
export function startOn(machine: ExampleMachine, { args, agents, env }: Typed): Started {
  const named = Object.keys(agents).length > 0;
  const folder = machine.folder(named ? { "sluice.yml": JSON.stringify({ agents }) } : {});
  const config = named ? ["--config", `${folder}/sluice.yml`] : [];
  const words = ["run", ...args, ...config, "--data", `${folder}/data`, "--watch", "--json"];
  return startSluice(machine.path, words, { env: env ?? machine.env });
}

/** Tells how it was called, and ends well; as a flow of any example would. */
export const PYTHON = `#!/bin/sh
env
echo "PROGRAM=$0 $*"
echo "PWD=$PWD"
`;

/** Makes a machine with a flow, a virtual environment and something that stands for Python. */
export function exampleMachine(): ExampleMachine {
  const path = mkdtempSync(join(tmpdir(), "sluice-examples-"));
  const flows = join(path, "srv/flows");
  const bin = join(path, "bin");
  for (const file of [`${bin}/python`, `${bin}/python3`, `${flows}/.venv/bin/python`]) {
    put(file, PYTHON);
    chmodSync(file, 0o755);
  }
  put(join(flows, "load.py"), "");
  let folders = 0;
  return {
    path,
    flows,
    env: {
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      DATABASE_PASSWORD: "of-the-database",
      REGISTRY_PASSWORD: "of-the-registry",
    },
    folder(files = {}) {
      const folder = join(path, String(++folders));
      mkdirSync(folder);
      for (const [name, text] of Object.entries(files)) put(join(folder, name), text);
      return folder;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
