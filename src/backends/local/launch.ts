import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { LaunchAnswer } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { LaunchKey } from "../../run.ts";
import { codeOf, isDirectory, isExecutable } from "./files.ts";
import { jobOf, makeDurable, makeFolder, readTrace } from "./folder.ts";
import { type Guard, type Start, startGuard } from "./process.ts";

/** A launch: what is started, and what is told of it in its folder. */
export interface Launch extends Start {
  readonly key: LaunchKey;
  /** The request with its secrets hidden. */
  readonly shown: JsonObject;
}

/** What came of a launch, and when it ends, if this process started it. */
export interface Launched {
  readonly answer: LaunchAnswer;
  readonly end?: Promise<void>;
}

/**
 * Starts a process unless its folder is claimed already. When it returns, the claim would survive a
 * power cut; the command begins only then.
 */
export async function launchProcess(launch: Launch, signal: AbortSignal): Promise<Launched> {
  signal.throwIfAborted();
  const { folder, key } = launch;
  const earlier = await readTrace(folder);
  if (earlier !== undefined) {
    return { answer: { type: "launched", job: jobOf(key.runId, key.launch, earlier) } };
  }
  await refuseUnstartable(launch);
  await makeFolder(folder);
  const guard = await guardOrAnswer(launch, signal);
  if ("answer" in guard) return guard;
  if (guard.claimed) {
    await writeFile(join(folder, "request.json"), `${JSON.stringify(launch.shown)}\n`, {
      mode: 0o600,
    });
    await makeDurable(folder);
  }
  guard.begin();
  const trace = await readTrace(folder);
  if (trace === undefined) throw new Error(`the claim in ${folder} is gone as soon as it was made`);
  const answer: LaunchAnswer = { type: "launched", job: jobOf(key.runId, key.launch, trace) };
  return guard.claimed ? { answer, end: guard.end } : { answer };
}

/** What keeps a machine from starting one more process, and goes by. */
const NO_ROOM = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

async function guardOrAnswer(launch: Launch, signal: AbortSignal): Promise<Guard | Launched> {
  try {
    return await startGuard(launch, signal);
  } catch (error) {
    const code = codeOf(error);
    if (NO_ROOM.has(code)) {
      const message = `this machine cannot start one more process: ${messageOf(error)}`;
      return { answer: { type: "refused", message } };
    }
    if (code === "E2BIG") throw tooLarge(launch);
    throw error;
  }
}

/** Throws `PermanentError` if the directory or the command is not there. */
async function refuseUnstartable({ key, command, cwd, env }: Launch): Promise<void> {
  if (!(await isDirectory(cwd))) {
    throw new PermanentError("start_failed", missingDirectory(key.runId, cwd));
  }
  const [name = ""] = command;
  const path = env["PATH"];
  if (!name.includes("/") && path === undefined) return;
  const places = name.includes("/") ? [cwd] : (path ?? "").split(":");
  for (const place of places) if (await isExecutable(resolve(cwd, place, name))) return;
  throw new PermanentError(
    "start_failed",
    `run ${key.runId} cannot start ${JSON.stringify(name)}: ${name.includes("/") ? "there is no such executable file" : `no executable file of this name is on its PATH ${path}`}; install it on this machine or name it by its path`,
  );
}

/** What is said of a run whose directory is missing. */
export function missingDirectory(runId: string, directory: string): string {
  return `run ${runId} cannot start in ${directory}: there is no such directory on this machine`;
}

/** Linux takes texts of 128 KiB, and all of them together up to a quarter of the stack's limit. */
function tooLarge({ key, command, env }: Launch): PermanentError {
  const sizes = [
    ...Object.entries(env).map(([name, value]) => ({ name, size: name.length + value.length })),
    { name: "the command", size: command.join(" ").length },
  ].sort((a, b) => b.size - a.size);
  const largest = sizes.slice(0, 3).map(({ name, size }) => `${name} ${size}`);
  return new PermanentError(
    "too_large",
    `run ${key.runId} has more text in its command and variables than this machine hands to a process; the largest, in characters: ${largest.join(", ")}`,
  );
}
