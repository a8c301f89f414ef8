import type { IncomingMessage, ServerResponse } from "node:http";
import { bytesOf, serve } from "./serve.ts";

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
  const { url: endpoint, close } = await serve(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const asked = { method, url, headers, body: String(await bytesOf(request)) };
    all.push(asked);
    answer(asked, response);
  });
  return { asked: all, endpoint, [Symbol.asyncDispose]: close };
}
