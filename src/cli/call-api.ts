import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ERROR_CODES, type Issue, messageOf, PermanentError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";

/** Where the HTTP API is, and what lets one in. */
export interface Api {
  readonly url: string;
  readonly token: string | undefined;
}

/** What the API has answered: a status below 300, and its document. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** One call of the API. */
export interface Call {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly query?: object;
  readonly body?: JsonObject;
  /** Whether calling twice is as good as once, so that it is tried again when nobody answers or has time. */
  readonly repeatable: boolean;
}

/** An answer that takes longer counts as none. */
const TIMEOUT_MS = 60_000;
/** Rests before a call is tried again. */
const RESTS_MS = [500, 1_500];
/**
 * The status of a call for which nobody had time: too many of them, and what API Gateway and proxies say
 * when what is behind them does not answer.
 */
const NO_TIME: readonly number[] = [429, 502, 503, 504];

/**
 * Calls the API and returns what it answers. Throws `PermanentError` with the code and the faults of a
 * problem document, and an error that may pass for anything else.
 */
export async function callApi(api: Api, call: Call): Promise<Answer> {
  // Of two requests with the same key the second is answered with the run of the first.
  const idempotencyKey = randomUUID();
  const rests = call.repeatable ? RESTS_MS : [];
  for (let tries = 0; ; tries++) {
    const request = requestFor(api, call, idempotencyKey);
    const rest = rests[tries];
    try {
      const response = await fetch(request);
      if (!NO_TIME.includes(response.status) || rest === undefined)
        return await answerOf(api, response);
      await response.body?.cancel();
    } catch (error) {
      // What was answered stands; only where nobody looked at it may another try bring something.
      if (!isConnectionFault(error)) throw error;
      if (rest === undefined) throw unreachable(api, error);
    }
    await sleep(rest);
  }
}

function requestFor({ url, token }: Api, call: Call, idempotencyKey: string): Request {
  const { method, path, query = {}, body } = call;
  const base = `${url.replace(/\/+$/, "")}${path}`;
  if (!URL.canParse(base)) {
    throw new PermanentError(
      "invalid",
      `SLUICE_API_URL must be an address such as http://127.0.0.1:4300, got ${url}`,
    );
  }
  const address = new URL(base);
  for (const [key, value] of Object.entries(query)) address.searchParams.set(key, String(value));
  return new Request(address, {
    method,
    headers: {
      accept: "application/json",
      ...(method === "POST" ? { "idempotency-key": idempotencyKey } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
    redirect: "error",
  });
}

async function answerOf({ url }: Api, response: Response): Promise<Answer> {
  const { status, ok } = response;
  const body = parseJson(await response.text());
  if (ok && body !== undefined) return { status, body };
  if (!isJsonObject(body)) {
    throw new Error(
      `what answers at ${url} is not the API of Sluice: status ${status}, no document`,
    );
  }
  // API Gateway's own answers have a message and nothing else.
  const detail = String(body["detail"] ?? body["title"] ?? body["message"] ?? `status ${status}`);
  if (status === 401) {
    throw new PermanentError(
      "forbidden",
      `the API at ${url} does not let this call in: ${detail}; the token is taken from SLUICE_TOKEN`,
    );
  }
  // A code of a newer Sluice, or of HTTP, is none of these.
  const code = ERROR_CODES.find((code) => code === body["code"]);
  if (code === undefined)
    throw new Error(`the API at ${url} failed with status ${status}: ${detail}`);
  throw new PermanentError(code, detail, { issues: (body["issues"] ?? []) as unknown as Issue[] });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Pages of proxies are no JSON; what they say is not for people.
    return undefined;
  }
}

/** `fetch` throws a TypeError when it gets no answer, and the error of the signal when it is late. */
function isConnectionFault(error: unknown): boolean {
  return error instanceof TypeError || (error as Error).name === "TimeoutError";
}

function unreachable({ url }: Api, error: unknown): Error {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = (cause as { readonly code?: unknown }).code;
  const reason = messageOf(cause) || String(code ?? "no answer");
  return new Error(`the API at ${url} cannot be reached: ${reason}`, { cause: error });
}
