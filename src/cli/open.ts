import type { Logger } from "../log.ts";
import type { Client } from "./client.ts";
import type { Context } from "./command.ts";
import type { EmbeddedMode } from "./embedded.ts";

/**
 * Opens the client of a command, does its work with it and closes it. It is one of the HTTP API behind
 * SLUICE_API_URL, or else of the data folder; that one looks at jobs but launches none.
 */
export async function withClient<T>(
  context: Context,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withMode(context, "looks", work);
}

/** As `withClient`, for commands that also launch what is on the queue if nobody else does. */
export async function withLaunching<T>(
  context: Context,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withMode(context, "launches", work);
}

async function withMode<T>(
  { settings, io }: Context,
  mode: EmbeddedMode,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { api } = settings;
  const client =
    api === undefined
      ? await (await import("./embedded.ts")).embeddedClient(settings, {
          log: quietLogger(io.note),
          mode,
        })
      : (await import("./api.ts")).apiClient(api);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/**
 * As `withClient`, for the host of a remote agent on this machine: it sees the runs of the deployment,
 * and the jobs of this machine. It works on nothing by itself.
 */
export async function withHost<T>(
  { settings, io }: Context,
  agent: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const [{ hostOnThisMachine }, { clientOver }] = await Promise.all([
    import("./agent-host.ts"),
    import("./embedded.ts"),
  ]);
  const host = await hostOnThisMachine(settings, { agent, log: quietLogger(io.note) });
  try {
    return await work(
      clientOver(host.app, {
        restMs: HOST_REST_MS,
        refresh: async () => undefined,
        dispatched: () => true,
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
