import { once } from "node:events";
import { type AddressInfo, isIPv6 } from "node:net";
import { serve } from "@hono/node-server";
import type { App } from "../app.ts";
import { httpApp } from "./app.ts";
import type { ChangeFeed } from "./events.ts";

/** Where the API listens. */
export interface ServerOptions {
  readonly app: App;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Names, beside that address and those of loopback, under which requests may address it. Default: none. */
  readonly allowHosts?: readonly string[];
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
  const { app, host = "127.0.0.1", allowHosts = [], port, changes } = options;
  const hosts = [host, ...allowHosts].map(hostInUrl);
  const { fetch } = httpApp(app, { hosts, ...(changes === undefined ? {} : { changes }) });
  const server = serve({ fetch, hostname: host, port });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new Error(
      `the API cannot listen on ${hostInUrl(host)}:${port}: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${hostInUrl(host)}:${taken}`,
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

/** A name or address as URLs and `Host` headers write it: an IPv6 address stands in brackets. */
function hostInUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
