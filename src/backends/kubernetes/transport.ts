import { abortable } from "../../abort.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Connection } from "./connect.ts";
import { connectionError, KubernetesError, NotSentError } from "./errors.ts";

/** Neither credentials nor an answer take longer, but for a request with a signal of its own. */
const TIMEOUT_MS = 30_000;

/** One request to an API server. */
export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/**
 * Sends a request and gives the text of its answer. Throws `KubernetesError` with the words of the API
 * server if it refused, `NotSentError` or `AccessError` if nothing was sent, and other errors if it is open
 * what came of the call.
 */
export type Caller = (call: Call) => Promise<string>;

/** The way to one API server. */
export interface Transport {
  /** Its address, without a slash at the end. Sends it nothing. */
  readonly server: () => Promise<string>;
  readonly call: Caller;
}

type Connecting = () => Promise<Connection>;

/**
 * Sends requests through the official client's credentials and transport. Its typed calls are not used:
 * they drop whatever fields of a manifest they do not know, without a word.
 *
 * `connect` is called when a connection is first needed, and again until it has succeeded once.
 */
export function openTransport(connect: Connecting): Transport {
  const connection = connector(connect);
  return { server: async () => (await connection.get()).server, call: caller(connection) };
}

/** One connection for all calls; `renew` forgets it, but not one that was made since. */
function connector(connect: Connecting): { get: Connecting; renew(old: Connection): void } {
  let made: { promise: Promise<Connection>; value?: Connection } | undefined;
  return {
    get: async () => {
      const mine = (made ??= { promise: connect() });
      try {
        mine.value = await mine.promise;
        return mine.value;
      } catch (error) {
        if (made === mine) made = undefined;
        throw error;
      }
    },
    renew: (old) => {
      if (made?.value === old) made = undefined;
    },
  };
}

/** Credentials may have been renewed where they came from: those that are refused are looked up once more. */
function caller({ get, renew }: ReturnType<typeof connector>): Caller {
  return async (call) => {
    const first = await get();
    let answer = await send(first, call);
    if (answer.status === 401) {
      renew(first);
      const second = await get();
      answer = await send(second, call);
      if (answer.status === 401) renew(second);
    }
    if (answer.status < 300) return answer.text;
    throw refusal(answer.status, answer.text);
  };
}

async function send(
  connection: Connection,
  { method, path, query = {}, body, contentType, signal }: Call,
): Promise<{ readonly status: number; readonly text: string }> {
  const { server, client } = connection;
  const request = new client.RequestContext(`${server}${path}`, method);
  for (const [name, value] of Object.entries(query)) request.setQueryParam(name, value);
  request.setHeaderParam("Accept", "application/json, text/plain");
  if (body !== undefined) {
    request.setHeaderParam("Content-Type", contentType ?? "application/json");
    request.setBody(JSON.stringify(body));
  }
  signal?.throwIfAborted();
  const limit = signal ?? AbortSignal.timeout(TIMEOUT_MS);
  request.setSignal(limit);
  await authenticate(connection, request, limit);
  try {
    const answer = await new client.IsomorphicFetchHttpLibrary().send(request).toPromise();
    return { status: answer.httpStatusCode, text: await answer.body.text() };
  } catch (error) {
    throw connectionError(server, error);
  }
}

/** A program that gives credentials may hang; it is left behind. */
async function authenticate(
  connection: Connection,
  request: Parameters<Connection["authenticate"]>[0],
  limit: AbortSignal,
): Promise<void> {
  try {
    await abortable(limit, () => connection.authenticate(request));
  } catch (error) {
    if (error !== limit.reason) throw error;
    const message = `no credentials for the Kubernetes API at ${connection.server}: whoever gives them did not answer in time`;
    throw new NotSentError(message, { cause: error });
  }
}

/** An answer that is no success, in Kubernetes' own words where it has some. */
function refusal(status: number, text: string): KubernetesError {
  const answer = parsed(text);
  const { reason, message } = isJsonObject(answer) ? answer : {};
  const words = typeof message === "string" && message !== "" ? message : text.slice(0, 500);
  return new KubernetesError(
    status,
    typeof reason === "string" ? reason : "",
    `${status}${typeof reason === "string" ? ` ${reason}` : ""}: ${words || "no message"}`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
