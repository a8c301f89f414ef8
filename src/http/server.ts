import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { App } from "../app.ts";
import { httpApp } from "./app.ts";
import type { ChangeFeed } from "./events.ts";

/** Where the API listens. */
export interface ServerOptions {
  readonly app: App;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Port to listen on; 0 takes any that is free. */
  readonly port: number;
  /** State changes for `GET /events`. */
  readonly changes?: ChangeFeed;
}

/** A server that listens. */
export interface RunningServer {
  readonly url: string;
  /** Takes no more requests, finishes those it has, ends streams. */
  close(): Promise<void>;
}

/** Serves the API. Throws, with the address in the message, if the port is taken. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { app, host = "127.0.0.1", port, changes } = options;
  const hosts = host === "127.0.0.1" ? [] : [host];
  const { fetch } = httpApp(app, { hosts, ...(changes === undefined ? {} : { changes }) });
  const server = serve({ fetch, hostname: host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new Error(`the API cannot listen on ${host}:${port}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${taken}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      // Event streams never end by themselves.
      if ("closeAllConnections" in server)
        setTimeout(() => server.closeAllConnections(), 500).unref();
      await closed;
    },
  };
}
