/**
 * Drives the real command line in a folder of its own: `start` as `bin/sluice` in a process of its own,
 * `run` within this process, whose coverage is measured.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { afterEach, vi } from "vitest";
import type { Io } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/program.ts";

// Each test starts several processes, which a busy machine does slowly.
vi.setConfig({ testTimeout: 60_000 });

export const SLUICE = resolve("bin/sluice");

/** How a command ended, and what it has written. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command at work. */
export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** Resolves when standard output, or standard error, holds a text; rejects if it ends before. */
  shows(text: string | RegExp, stream?: "stdout" | "stderr"): Promise<string>;
}

/** A folder of its own for each test, in which commands are typed. */
export interface Folder {
  readonly path: string;
  write(files: Readonly<Record<string, string>>): void;
  start(args: readonly string[], options?: Options): Started;
  run(args: readonly string[], options?: Options & { readonly input?: string }): Promise<Ended>;
  /** What a command prints with `--json`, line by line. */
  json(args: readonly string[], options?: Options): Promise<readonly Json[]>;
}

export interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: readonly string[];
}

/** A document a command has printed. */
export type Json = Readonly<Record<string, unknown>>;

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Makes a folder that is removed after the test, when every command started in it has ended. */
export function makeFolder(files: Readonly<Record<string, string>> = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  const started: Started[] = [];
  cleanups.push(async () => {
    for (const { child, ended } of started) {
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(path, { recursive: true, force: true });
  });
  const start = (args: readonly string[], options: Options = {}) => {
    const process = startSluice(path, args, options);
    started.push(process);
    return process;
  };
  const folder: Folder = {
    path,
    write(more) {
      for (const [name, text] of Object.entries(more)) {
        mkdirSync(dirname(join(path, name)), { recursive: true });
        writeFileSync(join(path, name), text);
      }
    },
    start,
    async run(args, options = {}) {
      if (options.node === undefined) return runHere(path, args, options);
      const { child, ended } = start(args, options);
      child.stdin.end(options.input ?? "");
      return ended;
    },
    async json(args, options) {
      const { stdout } = await folder.run([...args, "--json"], options);
      return jsonLines(stdout);
    },
  };
  folder.write(files);
  return folder;
}

/** The environment of this process without what is meant for others than a command. */
function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(SLUICE_|NODE_OPTIONS|VITEST)/.test(entry[0]),
    ),
  );
}

async function runHere(
  cwd: string,
  args: readonly string[],
  { env = {}, input = "" }: Options & { readonly input?: string },
): Promise<Ended> {
  const texts = { stdout: "", stderr: "" };
  const stop = new AbortController();
  const io: Io = {
    write: async (text) => {
      texts.stdout += text;
    },
    note: (line) => {
      texts.stderr += `${line}\n`;
    },
    input: Readable.from(input === "" ? [] : [Buffer.from(input)]),
    isTerminal: false,
    columns: 200,
    paint: (_style, text) => text,
    now: () => new Date(),
    catchSignals: () => stop.signal,
    keepGoing: () => undefined,
    flush: async () => undefined,
  };
  const code = await runCli(args, { io, env: { ...ownEnvironment(), ...env }, cwd });
  return { code, signal: null, ...texts };
}

/** Every line of a text, read as JSON. */
export function jsonLines(text: string): Json[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Json);
}

/** Starts `bin/sluice` in a process of its own, in a folder. */
export function startSluice(
  cwd: string,
  args: readonly string[],
  { env = {}, node = [] }: Options,
): Started {
  const child = spawn(process.execPath, [...node, SLUICE, ...args], {
    cwd,
    env: { ...ownEnvironment(), ...env },
  });
  const texts = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      texts[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  // Who closes standard input early gets EPIPE here; the tests look at the other side.
  child.stdin.on("error", () => undefined);
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  });
  return {
    child,
    ended,
    shows: (text, stream = "stdout") =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found =
            typeof text === "string" ? texts[stream].includes(text) : text.test(texts[stream]);
          if (!found) return;
          listeners.delete(look);
          resolve(texts[stream]);
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`ended without ${text}: ${JSON.stringify(texts)}`)));
      }),
  };
}
