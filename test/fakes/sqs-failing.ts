import type { IncomingMessage } from "node:http";
import { bytesOf, serve } from "./serve.ts";

/** A message in a batch as it came by. */
export interface BatchEntry {
  readonly Id: string;
  readonly MessageBody: string;
}

/** What SQS says of a message it does not take. */
export interface SqsFailure {
  readonly SenderFault: boolean;
  readonly Code: string;
  readonly Message: string;
}

/** A way to a queue server on which single messages of a batch are lost, and answered as failed. */
export interface FailingSqs extends AsyncDisposable {
  readonly endpoint: string;
  /** The batches so far, in order. */
  readonly batches: readonly (readonly BatchEntry[])[];
}

interface Input {
  readonly Entries?: readonly BatchEntry[];
}

/** Opens such a way; `fail` says of each message how it fails, if it does. */
export async function failingSqs(
  target: string,
  fail: (entry: BatchEntry) => SqsFailure | undefined,
): Promise<FailingSqs> {
  const batches: (readonly BatchEntry[])[] = [];
  const answerTo = async (request: IncomingMessage): Promise<object> => {
    const input = JSON.parse(String(await bytesOf(request))) as Input;
    if (input.Entries === undefined) return await forward(target, request, input);
    batches.push(input.Entries);
    const Failed = input.Entries.flatMap((entry) => {
      const failure = fail(entry);
      return failure === undefined ? [] : [{ Id: entry.Id, ...failure }];
    });
    const Entries = input.Entries.filter(({ Id }) => Failed.every((failed) => failed.Id !== Id));
    if (Entries.length === 0) return { Successful: [], Failed };
    return { ...(await forward(target, request, { ...input, Entries })), Failed };
  };
  const { url, close } = await serve(async (request, response) => {
    const answer = JSON.stringify(await answerTo(request));
    response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end(answer);
  });
  return { batches, endpoint: url, [Symbol.asyncDispose]: close };
}

async function forward(
  target: string,
  { headers }: IncomingMessage,
  input: Input,
): Promise<object> {
  const response = await fetch(target, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": String(headers["x-amz-target"]),
      authorization: String(headers["authorization"]),
    },
    body: JSON.stringify(input),
  });
  return (await response.json()) as object;
}
