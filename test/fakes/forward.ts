import { type IncomingMessage, request } from "node:http";
import { bytesOf } from "./serve.ts";

/** What a server has answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Asks the server at `target` what another one was asked, with this body. */
export async function forward(
  incoming: IncomingMessage,
  body: Buffer,
  target: string,
): Promise<Answer> {
  const { method = "GET", url = "/" } = incoming;
  const headers = { ...incoming.headers, "content-length": String(body.byteLength) };
  delete headers["transfer-encoding"];
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(new URL(url, target), { method, headers }, resolve).on("error", reject).end(body);
  });
  return {
    status: answer.statusCode ?? 500,
    headers: answer.headers,
    body: await bytesOf(answer),
  };
}
