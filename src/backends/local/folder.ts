import { mkdir, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { PermanentError } from "../../errors.ts";
import type { Job, LaunchKey } from "../../run.ts";
import { type Timestamp, timestamp } from "../../time.ts";
import { readIfThere, readPart, writeOnce } from "./files.ts";
import { type Identity, isAlive, parseIdentity } from "./identity.ts";
import { SHELL_NAME } from "./wrapper.ts";

/** What a launch has left on the disk, and whether it still runs. */
export interface Trace {
  /** The guard of the process: leader of the session, and the group that is signalled. */
  readonly guard: Identity;
  readonly claimedAt: Timestamp;
  /** Whether the guard, or without it the process itself, is alive. */
  readonly alive: boolean;
  readonly exitCode?: number;
  /** When somebody asked it to stop. */
  readonly stopAskedAt?: Timestamp;
  /** What the shell said, if it could not start the command. */
  readonly fault?: string;
}

/** The folder of a launch. Throws if the id could lead elsewhere. */
export function folderOf(dataFolder: string, runId: string, launch: number): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(runId) || !Number.isSafeInteger(launch)) {
    throw new PermanentError(
      "invalid",
      `expected a run id of letters, digits, dots and dashes and the number of a launch, got ${JSON.stringify(runId)} and ${launch}`,
    );
  }
  return join(dataFolder, "runs", runId, String(launch));
}

/** The job of a launch, whose trace its folder holds. */
export function jobOf({ runId, launch, target }: LaunchKey, { guard }: Trace): Job {
  return { backend: "local", id: String(guard.pid), ref: { run_id: runId, launch, target } };
}

const refSchema = z.object({
  run_id: z.string(),
  launch: z.number(),
  target: z.string().optional(),
});

/** The folder of a job, and the target of its launch, if it says so. */
export function traceOfJob(dataFolder: string, { id, ref }: Job) {
  const read = refSchema.safeParse(ref);
  if (!read.success) throw new Error(`job ${id} is not one of the backend local`);
  const { run_id, launch, target } = read.data;
  return { folder: folderOf(dataFolder, run_id, launch), target };
}

/** Makes the folder of a launch; nobody else may look into it. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Reads the trace of a launch; undefined if nobody has claimed it. */
export async function readTrace(folder: string): Promise<Trace | undefined> {
  const path = join(folder, "claim");
  const guard = parseIdentity(await readIfThere(path));
  if (guard === undefined) return undefined;
  const claimedAt = timestamp((await stat(path)).mtime);
  const child = parseIdentity(await readIfThere(join(folder, "child")));
  // Life is asked about first: whoever is dead by now has written its end before.
  const alive = (await isAlive(guard)) || (child !== undefined && (await isAlive(child)));
  const stop = await readIfThere(join(folder, "stop"));
  const exitCode = parseCode(await readIfThere(join(folder, "exit")));
  return {
    guard,
    claimedAt,
    alive,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(stop === undefined ? {} : { stopAskedAt: stop.trim() }),
    ...(await faultOf(folder, exitCode)),
  };
}

/** Writes when a process was asked to stop; false if somebody has done so before. */
export async function markStop(folder: string, now: Timestamp): Promise<boolean> {
  return writeOnce(join(folder, "stop"), `${now}\n`);
}

/** Waits until a claim, and the folders that lead to it, would survive a power cut. */
export async function makeDurable(folder: string): Promise<void> {
  const run = dirname(folder);
  for (const path of [join(folder, "claim"), folder, run, dirname(run)]) {
    await using file = await open(path, "r");
    await file.sync();
  }
}

function parseCode(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,3}\n$/.test(text) ? Number(text) : undefined;
}

/** A shell answers 126 or 127 if it cannot start a command, and then is all that has written. */
async function faultOf(folder: string, exitCode: number | undefined) {
  if (exitCode !== 126 && exitCode !== 127) return {};
  const { bytes } = await readPart(join(folder, "output"), { offset: 0, most: 1_024 });
  const start = new TextDecoder().decode(bytes);
  const spoken = /^(.*)\n?/.exec(start)?.[1] ?? "";
  if (!spoken.startsWith(`${SHELL_NAME}: `)) return {};
  return {
    fault: spoken.slice(SHELL_NAME.length + 2).replace(/^(?:(?:exec|(?:line )?\d+): )+/, ""),
  };
}
