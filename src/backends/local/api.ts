import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { isMissing } from "./files.ts";
import { SHELL_NAME, STOPPER, TOOLS, WRAPPER } from "./wrapper.ts";

/** What is to be started, and where its trace goes. */
export interface Start {
  readonly folder: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A guard that has answered. */
export interface Guard {
  /** Whether the folder is its own; else another guard had claimed it before, and this one ends. */
  readonly claimed: boolean;
  /** Lets the command begin. */
  begin(): void;
  /** Settles when the guard has ended, if this process lives to see it. */
  readonly end: Promise<void>;
}

/**
 * Starts the guard of a process and waits for its answer. It lives in a session of its own and holds
 * this process neither open nor back. Throws what kept the guard from starting; after an abort it may
 * have claimed the folder all the same.
 */
export async function startGuard(
  { folder, command, cwd, env }: Start,
  signal: AbortSignal,
): Promise<Guard> {
  signal.throwIfAborted();
  const script = ["-c", WRAPPER, SHELL_NAME, folder, randomUUID(), ...command];
  // Without a free file descriptor there are no pipes, and an error follows.
  const guard: ChildProcess = spawn("/bin/sh", script, {
    cwd,
    env,
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  // Listened for from the beginning: a short command has ended before anybody asks.
  const end = new Promise<void>((resolve) => guard.once("exit", () => resolve()));
  try {
    const answer = await answerOf(guard, signal);
    guard.stdout?.destroy();
    return {
      claimed: answer === "claimed",
      begin: () => guard.stdin?.end("go\n"),
      end,
    };
  } catch (error) {
    guard.stdin?.destroy();
    guard.stdout?.destroy();
    throw error;
  } finally {
    guard.unref();
  }
}

/** Ends a process group with SIGKILL after some seconds, even if this process ends before. */
export function startStopper(group: number, seconds: number): void {
  const script = ["-c", STOPPER, SHELL_NAME, String(group), String(seconds)];
  const options = { cwd: "/", env: { PATH: TOOLS }, detached: true, stdio: "ignore" } as const;
  spawn("/bin/sh", script, options).unref();
}

/** Sends a signal to a process group. A group that has ended meanwhile is no fault. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function answerOf(guard: ChildProcess, signal: AbortSignal): Promise<"claimed" | "taken"> {
  const { promise, resolve, reject } = Promise.withResolvers<"claimed" | "taken">();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  let said = "";
  guard.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (said === "claimed\n" || said === "taken\n")
      resolve(said === "taken\n" ? "taken" : "claimed");
  });
  // The guard may end before it has read its line; what it has done by then its folder tells.
  guard.stdin?.on("error", reject);
  guard.on("error", reject);
  guard.on("close", () => reject(new Error(`the guard of the process ended: ${said.trim()}`)));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
