import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that answers as a test says, and remembers what it was asked. */
export interface AnswerServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly asked: readonly Asked[];
}

/** A request as it came. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Starts a server on this machine, on a port of its own. */
export async function answerServer(
  answer: (asked: Asked, response: ServerResponse) => void,
): Promise<AnswerServer> {
  const all: Asked[] = [];
  const server = createServer((request, response) => {
    Array.fromAsync<Buffer>(request).then(
      (chunks) => {
        const { method = "", url = "", headers } = request;
        const asked = { method, url, headers, body: Buffer.concat(chunks).toString() };
        all.push(asked);
        answer(asked, response);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked: all,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
