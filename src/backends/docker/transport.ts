import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { addAbortSignal, type Readable } from "node:stream";
import type Docker from "dockerode";
import type { JsonObject } from "../../json.ts";
import { SECOND } from "../../time.ts";
import { type Address, targetOf } from "./address.ts";
import { callError } from "./errors.ts";

/** One call of the Engine API. */
export interface Call {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Objects in it are sent as JSON. */
  readonly query?: object;
  readonly body?: JsonObject;
  /** Breaks the call off; what it was aborted with is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** How much longer than other calls it may take, in seconds. */
  readonly extraSeconds?: number;
  readonly credentials?: Credentials | undefined;
}

/** How to sign in to the registry of an image. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/** Calls to one engine. Failures are told apart as `callError` does. */
export interface Transport {
  readonly target: string;
  /** One call with one answer, which must come in time. */
  ask(call: Call): Promise<unknown>;
  /** One call whose answer comes bit by bit, for as long as it takes. */
  stream(call: Call): AsyncIterable<Buffer>;
}

/** Opens the way to one engine, over dockerode. It is loaded with the first call. */
export function openTransport(address: Address, timeoutSeconds: number): Transport {
  const target = targetOf(address);
  let client: Promise<Docker["modem"]> | undefined;
  const dial = async (call: Call, isStream: boolean, signal: AbortSignal | undefined) => {
    signal?.throwIfAborted();
    client ??= connectTo(address);
    return dialled(await client, { ...call, signal }, isStream);
  };
  return {
    target,
    async ask(call) {
      const limit = AbortSignal.timeout((timeoutSeconds + (call.extraSeconds ?? 0)) * SECOND);
      const signal = call.signal === undefined ? limit : AbortSignal.any([call.signal, limit]);
      try {
        return await dial(call, false, signal);
      } catch (error) {
        call.signal?.throwIfAborted();
        throw callError(limit.aborted ? limit.reason : error, target);
      }
    },
    async *stream(call) {
      let body: Readable | undefined;
      try {
        body = (await dial(call, true, call.signal)) as Readable;
        if (call.signal !== undefined) addAbortSignal(call.signal, body);
        for await (const chunk of body) yield chunk as Buffer;
      } catch (error) {
        call.signal?.throwIfAborted();
        throw callError(error, target);
      } finally {
        body?.destroy();
      }
    },
  };
}

/**
 * Query and body are given apart, or dockerode would also write the body, and with it the variables of
 * the run, into the address. 304 is the answer of a container that runs, or has ended, already.
 */
function dialled(modem: Docker["modem"], call: Call, isStream: boolean): Promise<unknown> {
  const { method = "GET", path, query, body, credentials, signal } = call;
  return new Promise((resolve, reject) => {
    modem.dial(
      {
        method,
        path: query === undefined ? path : `${path}?`,
        options: { _query: query ?? {}, _body: body ?? {} },
        isStream,
        statusCodes: { 200: true, 201: true, 204: true, 304: true },
        ...(credentials === undefined ? {} : { authconfig: { ...credentials } }),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      },
      (error, result) => (error === null ? resolve(result) : reject(error)),
    );
  });
}

/**
 * Every setting is given, also those that are nothing: dockerode fills what is absent from variables of
 * the process, and an agent's settings come from `sluice.yml` alone. Connections are not kept, so that
 * one that was refused is never taken for an answer that was lost.
 */
async function connectTo(address: Address): Promise<Docker["modem"]> {
  const { default: Client } = await import("dockerode");
  const isSecure = "host" in address && address.protocol === "https";
  const options = {
    socketPath: "socketPath" in address ? address.socketPath : undefined,
    host: "host" in address ? address.host : undefined,
    port: "host" in address ? address.port : undefined,
    protocol: isSecure ? ("https" as const) : ("http" as const),
    ca: undefined,
    cert: undefined,
    key: undefined,
    timeout: undefined,
    agent: isSecure ? new HttpsAgent() : new HttpAgent(),
  };
  return new Client(options).modem;
}
