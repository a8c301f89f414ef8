import type { Logger } from "../log.ts";
import type { Context } from "./command.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { EmbeddedMode } from "./embedded.ts";

/**
 * Opens the dispatcher of a command, does its work with it and closes it. It is the one behind
 * SLUICE_API_URL, or else one in this process, which looks at jobs but launches none.
 */
export async function withDispatcher<T>(
  context: Context,
  work: (dispatcher: Dispatcher) => Promise<T>,
): Promise<T> {
  return withMode(context, "looks", work);
}

/** As `withDispatcher`, for commands that also launch what is on the queue if nobody else does. */
export async function withLaunching<T>(
  context: Context,
  work: (dispatcher: Dispatcher) => Promise<T>,
): Promise<T> {
  return withMode(context, "launches", work);
}

async function withMode<T>(
  { settings, io }: Context,
  mode: EmbeddedMode,
  work: (dispatcher: Dispatcher) => Promise<T>,
): Promise<T> {
  const { api } = settings;
  const dispatcher =
    api === undefined
      ? await (await import("./embedded.ts")).embeddedDispatcher(settings, {
          log: quietLogger(io.note),
          mode,
        })
      : (await import("./remote.ts")).remoteDispatcher(api);
  try {
    return await work(dispatcher);
  } finally {
    dispatcher.close();
  }
}

/**
 * As `withDispatcher`, for the host of a remote agent on this machine: it sees the runs of the deployment,
 * and the jobs of this machine. It works on nothing by itself.
 */
export async function withHost<T>(
  { settings, io }: Context,
  agent: string,
  work: (dispatcher: Dispatcher) => Promise<T>,
): Promise<T> {
  const [{ hostOnThisMachine }, { dispatcherOver }] = await Promise.all([
    import("./agent-host.ts"),
    import("./embedded.ts"),
  ]);
  const host = await hostOnThisMachine(settings, { agent, log: quietLogger(io.note) });
  try {
    return await work(
      dispatcherOver(host.app, {
        restMs: HOST_REST_MS,
        refresh: async () => undefined,
        changes: () => [],
        close: () => undefined,
      }),
    );
  } finally {
    host.close();
  }
}

const HOST_REST_MS = 1_000;

/** Changes of state are what commands show anyway; what went wrong is told as a line for people. */
function quietLogger(note: (line: string) => void): Logger {
  const tell = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const details = Object.entries(fields).map(([key, value]) => `${key}: ${String(value)}`);
    note(`sluice: ${[message, ...details].join("; ")}`);
  };
  return { info: () => undefined, warn: tell, error: tell };
}
