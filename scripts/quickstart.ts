/**
 * Shows Sluice at work on this machine, with nothing but Node: types the commands a user would type, in
 * a temporary folder that is removed at the end.
 */
import { spawn } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SLUICE = join(ROOT, "bin", "sluice");

/** Resolves to the first exit code that is not 0, or to 0. After `stop` no other command is called. */
async function quickstart(cwd: string, stop: AbortSignal): Promise<number> {
  for (const file of ["sluice.yml", "examples/flow.yml"]) {
    await copyFile(join(ROOT, file), join(cwd, file.split("/").at(-1) ?? file));
  }
  for (const [why, ...line] of STEPS) {
    process.stdout.write(`\n# ${why}\n$ sluice ${line.map(quoted).join(" ")}\n`);
    const code = await sluice(cwd, line, stop);
    if (code !== 0 || stop.aborted) return code || 1;
  }
  process.stdout.write(NEXT);
  return 0;
}

/** Why a command is called, and its words. */
const STEPS: readonly (readonly [why: string, ...line: string[]])[] = [
  ["The agents of sluice.yml: where runs can go.", "agents"],
  ["Register a flow, so that it has a name and a version.", "register", "flow.yml"],
  [
    "Put a run of it on the queue, launch its process, and follow it to its end.",
    "run",
    "greet",
    "--param",
    "who=world",
    "--name",
    "first-run",
    "--watch",
  ],
  ["What became of it.", "show", "first-run"],
  ["What it has written is kept.", "logs", "first-run"],
  [
    "Nobody has the label gpu. What would happen to such a run?",
    "explain",
    "greet",
    "--label",
    "gpu",
  ],
  ["All runs.", "runs"],
];

const NEXT = `
It works. The folder of this tour is gone; in one of your own, try next:

  bin/sluice run examples/hello.yml --watch      a run from a file
  bin/sluice up                                  keep dispatching, and serve the HTTP API
  bin/sluice token create me --scope run         a token for that API
  bin/sluice plan < messages.jsonl               what would be launched, without launching it
  bin/sluice --help                              everything else

docs/cli.md tells what each command does, docs/backends/ how to run on ECS, Vertex AI, Kubernetes, Docker.
`;

function sluice(cwd: string, line: readonly string[], stop: AbortSignal): Promise<number> {
  // Its own Node, so that nothing depends on what is on the path.
  const child = spawn(process.execPath, [SLUICE, ...line], {
    cwd,
    stdio: "inherit",
    env: ownEnv(),
  });
  stop.addEventListener("abort", () => child.kill(stop.reason), { once: true });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** Settings of other dispatchers would lead the tour away from its folder. */
function ownEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("SLUICE_"));
  return Object.fromEntries(own);
}

function quoted(word: string): string {
  return /^[\w./=:-]+$/.test(word) ? word : `'${word}'`;
}

// A signal that ended this process at once would leave the folder behind.
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => stopping.abort(signal));
}
const folder = await mkdtemp(join(tmpdir(), "sluice-quickstart-"));
try {
  process.exitCode = await quickstart(folder, stopping.signal);
} finally {
  await rm(folder, { recursive: true, force: true });
}
