import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Agent } from "../../../src/agent.ts";
import type { Backend, World } from "../../../src/backend.ts";
import { localBackend } from "../../../src/backends/local/index.ts";
import type { Job, JobStatus, LaunchKey } from "../../../src/run.ts";
import { launchRequest, type RequestParts, testAgent } from "../../contracts/request.ts";
import { testWorld } from "../../fakes/world.ts";
import type { Errand } from "./dispatcher.ts";

/** A data folder of its own, and real processes in it. */
export interface TestMachine {
  readonly folder: string;
  /** A backend on the folder, as one more process would open it. */
  open(parts?: Parts): Backend;
  /** Ends what still runs and removes the folder. */
  close(): void;
}

export interface Parts {
  readonly world?: Partial<World>;
  readonly options?: Agent["options"];
}

export function testMachine(): TestMachine {
  const folder = mkdtempSync(join(tmpdir(), "sluice-local-"));
  return {
    folder,
    open: ({ world, options } = {}) =>
      localBackend(testAgent({ options: options ?? {} }), realWorld(folder, world)),
    close() {
      for (const pid of guards(folder)) killGroup(pid);
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** The world of a process on this machine. */
export function realWorld(dataFolder: string, parts: Partial<World> = {}): World {
  return testWorld({
    now: () => new Date(),
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: dataFolder },
    cwd: dataFolder,
    dataFolder,
    ...parts,
  });
}

export interface Started {
  readonly job: Job;
  readonly key: LaunchKey;
}

/** Plans and launches. */
export async function start(backend: Backend, parts: RequestParts): Promise<Started> {
  const request = launchRequest(parts);
  const plan = await backend.plan(request);
  const key = { runId: request.run.id, launch: request.launch, target: plan.target };
  const answer = await backend.launch(plan, key, new AbortController().signal);
  if (answer.type !== "launched") throw new Error(`not launched: ${JSON.stringify(answer)}`);
  return { job: answer.job, key };
}

const runProgram = promisify(execFile);

/** Lets another process do something in a data folder, and waits until it has ended. */
export async function elsewhere(folder: string, errand: Errand): Promise<string> {
  const program = fileURLToPath(new URL("./dispatcher.ts", import.meta.url));
  const { stdout } = await runProgram(process.execPath, [program, folder, JSON.stringify(errand)]);
  return stdout;
}

/** The command that runs a text in a shell. */
export function shell(text: string): readonly string[] {
  return ["/bin/sh", "-c", text];
}

/** How a job is, as soon as it has ended. */
export async function ended(backend: Backend, job: Job) {
  const status = await until(backend, job, ({ type }) => type === "ended");
  if (status.type !== "ended") throw new Error(status.type);
  return status;
}

export async function until(
  backend: Backend,
  job: Job,
  wanted: (status: JobStatus) => boolean,
): Promise<JobStatus> {
  for (;;) {
    const [status] = await backend.inspect([job]);
    if (status !== undefined && wanted(status)) return status;
    await sleep(10);
  }
}

/** Waits until a file is there and, if a text is given, holds it. */
export async function fileWith(path: string, text = ""): Promise<string> {
  for (;;) {
    const found = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    if (found?.includes(text)) return found;
    await sleep(10);
  }
}

/** What a run has left in the folder of one of its launches. */
export function traceFile(folder: string, name: string, { runId, launch }: LaunchKey): string {
  return join(folder, "runs", runId, String(launch), name);
}

/** The guards of all launches of a data folder, dead or alive. */
export function guards(folder: string): number[] {
  const runs = join(folder, "runs");
  const files = existsSync(runs) ? readdirSync(runs, { recursive: true, encoding: "utf8" }) : [];
  return files
    .filter((file) => file.endsWith("/claim"))
    .map((file) => Number.parseInt(readFileSync(join(runs, file), "utf8"), 10));
}

export function killGroup(pid: number): void {
  signal(-pid, "SIGKILL");
}

/** Waits until no process has this id, or with a minus no process of the group is left. */
export async function gone(pid: number): Promise<void> {
  while (signal(pid, 0)) await sleep(10);
}

/** Sends a signal, if there is still somebody to take it; says whether there was. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
