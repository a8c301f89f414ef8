import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that listens. */
export interface Served {
  /** Without a path: no slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Ends it at once, whoever is connected. */
  close(): Promise<void>;
}

/** Answers one request; where it fails, the connection breaks off. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Serves HTTP on this machine, on a port of its own. */
export async function serve(handler: Handler): Promise<Served> {
  const handled = async (request: IncomingMessage, response: ServerResponse) =>
    handler(request, response);
  const server = createServer((request, response) => {
    handled(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port of this machine on which nobody listens. */
export async function freePort(): Promise<number> {
  const { port, close } = await serve(() => undefined);
  await close();
  return port;
}

/** The body of a request or of an answer. */
export async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync<Buffer>(message));
}
