import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

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
