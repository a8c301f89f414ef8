import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A function as it is deployed. */
export interface FunctionConfiguration {
  readonly FunctionName: string;
  readonly FunctionArn: string;
  readonly Handler: string;
  /** In seconds. */
  readonly Timeout: number;
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
}

/** Invokes a function; throws what it throws, and if it takes longer than it may. */
export interface LocalFunction {
  readonly arn: string;
  invoke(event: unknown): Promise<unknown>;
  close(): void;
}

type Message =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: string };

/** So many sandboxes of a function work side by side; an event more waits for a free one. */
const SANDBOXES = 2;

/** Runs the code of a function in processes of its own, with the variables it was deployed with. */
export function localFunction(
  { FunctionName, FunctionArn, Handler, Timeout, Environment }: FunctionConfiguration,
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): LocalFunction {
  const free: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  const waiting: (() => void)[] = [];
  const host = fileURLToPath(new URL("host.ts", import.meta.url));

  async function sandbox(): Promise<ChildProcess> {
    for (;;) {
      const idle = free.pop();
      if (idle !== undefined) return idle;
      if (all.size < SANDBOXES) break;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    const child = fork(host, [folder, Handler], {
      cwd: folder,
      execArgv: [],
      stdio: ["ignore", "ignore", process.env["SLUICE_SHOW"] ? "inherit" : "ignore", "ipc"],
      env: {
        PATH: process.env["PATH"],
        ...env,
        ...Environment.Variables,
        AWS_LAMBDA_FUNCTION_NAME: FunctionName,
      },
    });
    all.add(child);
    await once(child, "message");
    return child;
  }

  return {
    arn: FunctionArn,
    async invoke(event) {
      const child = await sandbox();
      const timeoutMs = Timeout * 1_000;
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      child.send({ event, timeoutMs });
      try {
        const message = await answerOf(child);
        if (message === undefined) {
          all.delete(child);
          throw new Error(`${FunctionName} ended: it took longer than ${Timeout} s, or crashed`);
        }
        free.push(child);
        if (!message.ok) throw new Error(message.error);
        return message.value;
      } finally {
        clearTimeout(timer);
        waiting.shift()?.();
      }
    },
    close() {
      for (const child of all) child.kill("SIGKILL");
    },
  };
}

/** What a sandbox answers; undefined if it ended instead. */
function answerOf(child: ChildProcess): Promise<Message | undefined> {
  return new Promise((resolve) => {
    const answered = (message: unknown) => {
      child.off("exit", ended);
      resolve(message as Message);
    };
    const ended = () => {
      child.off("message", answered);
      resolve(undefined);
    };
    child.once("message", answered).once("exit", ended);
  });
}
