import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { LaunchAnswer } from "../../backend.ts";
import { messageOf } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { LaunchKey } from "../../run.ts";
import { type Guard, type Start, startGuard } from "./api.ts";
import {
  isNoRoom,
  isTooLarge,
  missingCommand,
  missingDirectory,
  missingInterpreter,
  tooLarge,
} from "./errors.ts";
import { isDirectory, isExecutable, startOfFile } from "./files.ts";
import { jobOf, makeDurable, makeFolder, readTrace } from "./folder.ts";

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
    return { answer: { type: "launched", job: jobOf(key, earlier) } };
  }
  await refuseUnstartable(launch);
  const unmade = await makeFolderOrAnswer(folder);
  if (unmade !== undefined) return unmade;
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
  const answer: LaunchAnswer = { type: "launched", job: jobOf(key, trace) };
  return guard.claimed ? { answer, end: guard.end } : { answer };
}

/** Makes the folder of a launch. Where that fails nothing has been started, and the same launch goes on later. */
async function makeFolderOrAnswer(folder: string): Promise<Launched | undefined> {
  try {
    await makeFolder(folder);
    return undefined;
  } catch (error) {
    const message = `the data folder cannot be written: ${messageOf(error)}`;
    return { answer: { type: "unavailable", message } };
  }
}

async function guardOrAnswer(launch: Launch, signal: AbortSignal): Promise<Guard | Launched> {
  try {
    return await startGuard(launch, signal);
  } catch (error) {
    if (isNoRoom(error)) {
      const message = `this machine cannot start one more process: ${messageOf(error)}`;
      return { answer: { type: "refused", message } };
    }
    if (isTooLarge(error)) throw tooLarge(launch.key.runId, launch);
    throw error;
  }
}

/** Throws `PermanentError` if the directory, the command or its interpreter is not there. */
async function refuseUnstartable({ key, command, cwd, env }: Launch): Promise<void> {
  if (!(await isDirectory(cwd))) throw missingDirectory(key.runId, cwd);
  const [name = ""] = command;
  const path = env["PATH"];
  if (!name.includes("/") && path === undefined) return;
  const places = name.includes("/") ? [cwd] : (path ?? "").split(":");
  let missing: string | undefined;
  for (const place of places) {
    const file = resolve(cwd, place, name);
    if (!(await isExecutable(file))) continue;
    const interpreter = await interpreterOf(file);
    if (interpreter === undefined || (await isExecutable(resolve(cwd, interpreter)))) return;
    // Some shells go on to the next file of this name.
    missing ??= interpreter;
  }
  if (missing !== undefined) throw missingInterpreter(key.runId, name, missing);
  throw missingCommand(key.runId, name);
}

/** How many bytes of a script's first line the kernel of Linux reads. */
const FIRST_LINE = 256;

/**
 * What the first line of a script wants to run it. The system calls the script missing without it.
 * Nothing is said of a line that has no end within what is read.
 */
async function interpreterOf(file: string): Promise<string | undefined> {
  const start = await startOfFile(file, FIRST_LINE);
  return /^#![ \t]*([^ \t\n\0]+)[ \t\n]/.exec(start ?? "")?.[1];
}
