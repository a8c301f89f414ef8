import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FunctionConfiguration, FunctionsOptions } from "./functions.ts";

/** The processes in which the code of one function works. */
export interface Sandboxes {
  /** Handles an event in a free sandbox, or else in a new one. Throws what the handler throws. */
  handle(event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** What a sandbox says: that it is ready, or how an event was handled. */
type Answer =
  | { readonly ok: true; readonly value?: unknown }
  | { readonly ok: false; readonly error: string };

/**
 * Runs a function as Lambda does: a sandbox is made when an event finds none free, handles one event at a
 * time and is kept for the next one. One that takes longer than the function's timeout is killed.
 */
export function openSandboxes(
  { FunctionName, Handler, Timeout, Environment }: FunctionConfiguration,
  { folder, env }: Pick<FunctionsOptions, "folder" | "env">,
): Sandboxes {
  const all = new Set<ChildProcess>();
  const free: ChildProcess[] = [];
  let closed = false;
  const host = fileURLToPath(new URL("host.ts", import.meta.url));

  async function start(): Promise<ChildProcess> {
    const child = fork(host, [folder, Handler], {
      cwd: folder,
      execArgv: [],
      stdio: ["ignore", "ignore", process.env["SLUICE_SHOW"] ? "inherit" : "ignore", "ipc"],
      env: {
        PATH: process.env["PATH"],
        ...env,
        ...Environment?.Variables,
        AWS_LAMBDA_FUNCTION_NAME: FunctionName,
      },
    });
    all.add(child);
    child.once("exit", () => all.delete(child));
    if ((await answerOf(child)) === undefined) throw new Error(`${FunctionName} cannot be loaded`);
    return child;
  }

  return {
    async handle(event) {
      if (closed) throw new Error(`${FunctionName} is closed`);
      let child = free.pop();
      while (child !== undefined && !all.has(child)) child = free.pop();
      child ??= await start();
      const timeoutMs = Timeout * 1_000;
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      child.send({ event, timeoutMs });
      const answer = await answerOf(child).finally(() => clearTimeout(timer));
      if (answer === undefined) {
        throw new Error(`${FunctionName} ended: it took longer than ${Timeout} s, or crashed`);
      }
      free.push(child);
      if (!answer.ok) throw new Error(`${FunctionName}: ${answer.error}`);
      return answer.value;
    },
    async close() {
      closed = true;
      await Promise.all(
        [...all].map((child) => {
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          return ended;
        }),
      );
    },
  };
}

/** The next answer of a sandbox; undefined if it ended instead. */
function answerOf(child: ChildProcess): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const answered = (answer: unknown) => {
      child.off("exit", ended);
      resolve(answer as Answer);
    };
    const ended = () => {
      child.off("message", answered);
      resolve(undefined);
    };
    child.once("message", answered).once("exit", ended);
  });
}
