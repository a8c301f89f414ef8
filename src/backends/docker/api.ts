import type { JsonObject } from "../../json.ts";
import { hasStatus } from "./errors.ts";
import type { Labels } from "./labels.ts";
import type { Credentials, Transport } from "./transport.ts";

/** What the engine says of a container. */
export interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly State: ContainerState;
  readonly Config: { readonly Labels?: Labels | null };
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, unknown>> | null };
}

/** The state of a container. `ExitCode` is 0 and the times are of the year 1 before it was started. */
export interface ContainerState {
  readonly Status: string;
  readonly ExitCode: number;
  readonly OOMKilled: boolean;
  readonly Error: string;
  readonly StartedAt: string;
  readonly FinishedAt: string;
}

/** A container in a list. */
export interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  /** When it was made, in seconds since 1970. */
  readonly Created: number;
  readonly Labels?: Labels | null;
}

/** Filters of a list: a thing must fit one value of each. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** Which part of a log is read. */
export interface LogQuery {
  /** From this moment on, in seconds since 1970 with nanoseconds: `1795248191.145747737`. */
  readonly since?: string;
  /** Waits for more until the container ends. */
  readonly follow?: boolean;
}

/** The calls about images, volumes and the engine itself. */
export interface EngineCalls {
  readonly target: string;
  version(signal: AbortSignal): Promise<string>;
  /** What the engine calls itself; empty if it does not say. */
  id(signal: AbortSignal): Promise<string>;
  /** Progress of a pull, one JSON text per line; an error may be among the lines. */
  pull(
    query: { readonly fromImage: string; readonly tag: string },
    credentials: Credentials | undefined,
    signal: AbortSignal,
  ): AsyncIterable<string>;
  hasImage(name: string, signal: AbortSignal): Promise<boolean>;
  hasVolume(name: string, signal: AbortSignal): Promise<boolean>;
  createVolume(volume: JsonObject, signal: AbortSignal): Promise<void>;
  /** Events as they happen, one JSON text per line, until the signal is aborted. */
  events(filters: Filters, signal: AbortSignal): AsyncIterable<string>;
}

/** The calls about containers. */
export interface ContainerCalls {
  /** Makes a container and gives its id. */
  create(name: string, body: JsonObject, signal: AbortSignal): Promise<string>;
  connect(network: string, id: string, signal: AbortSignal): Promise<void>;
  /** Does nothing if it runs already. A container that has ended is started anew: look before. */
  start(id: string, signal: AbortSignal): Promise<void>;
  /** By id or name; undefined if there is none. */
  inspect(id: string, signal?: AbortSignal): Promise<Container | undefined>;
  /** All containers that fit, also those that have ended. */
  list(filters: Filters, signal?: AbortSignal): Promise<readonly Listed[]>;
  /** Asks it to end and kills it after some seconds, unless it has ended. False if there is none. */
  stop(id: string, seconds: number): Promise<boolean>;
  /** Removes a container that does not run, with its nameless volumes. */
  remove(id: string): Promise<void>;
  /** What it has written, as frames of the engine's multiplexed stream. */
  logs(id: string, query: LogQuery, signal: AbortSignal): AsyncIterable<Buffer>;
}

/**
 * The part of the Engine API that is used. All calls throw `UnreachableError` if no engine was reached,
 * `EngineError` with its words if it refused, and other errors if it is open what came of the call.
 */
export type DockerApi = EngineCalls & ContainerCalls;

/** The API of one engine. */
export function dockerApi(transport: Transport): DockerApi {
  return { ...engineCalls(transport), ...containerCalls(transport) };
}

function engineCalls(transport: Transport): EngineCalls {
  return {
    target: transport.target,
    async version(signal) {
      const answer = (await transport.ask({ path: "/version", signal })) as {
        readonly Version: string;
      };
      return answer.Version;
    },
    async id(signal) {
      const { ID } = (await transport.ask({ path: "/info", signal })) as { readonly ID?: unknown };
      return typeof ID === "string" ? ID : "";
    },
    pull: (query, credentials, signal) =>
      lines(
        transport.stream({ method: "POST", path: "/images/create", query, credentials, signal }),
      ),
    hasImage: (name, signal) =>
      exists(transport.ask({ path: `/images/${encodeURIComponent(name)}/json`, signal })),
    hasVolume: (name, signal) =>
      exists(transport.ask({ path: `/volumes/${encodeURIComponent(name)}`, signal })),
    async createVolume(body, signal) {
      await transport.ask({ method: "POST", path: "/volumes/create", body, signal });
    },
    events: (filters, signal) =>
      lines(transport.stream({ path: "/events", query: { filters }, signal })),
  };
}

function containerCalls(transport: Transport): ContainerCalls {
  const at = (id: string, what = "") => `/containers/${encodeURIComponent(id)}${what}`;
  return {
    async create(name, body, signal) {
      const path = "/containers/create";
      const answer = await transport.ask({ method: "POST", path, query: { name }, body, signal });
      return (answer as { readonly Id: string }).Id;
    },
    async connect(network, id, signal) {
      const path = `/networks/${encodeURIComponent(network)}/connect`;
      await transport.ask({ method: "POST", path, body: { Container: id }, signal });
    },
    async start(id, signal) {
      await transport.ask({ method: "POST", path: at(id, "/start"), signal });
    },
    inspect: (id, signal) =>
      orMissing(transport.ask({ path: at(id, "/json"), signal }) as Promise<Container>),
    async list(filters, signal) {
      return (await transport.ask({
        path: "/containers/json",
        query: { all: true, filters },
        signal,
      })) as Listed[];
    },
    async stop(id, seconds) {
      const call = { path: at(id, "/stop"), query: { t: seconds }, extraSeconds: seconds };
      return await exists(transport.ask({ method: "POST", ...call }));
    },
    async remove(id) {
      await orMissing(transport.ask({ method: "DELETE", path: at(id), query: { v: true } }));
    },
    logs: (id, query, signal) =>
      transport.stream({
        path: at(id, "/logs"),
        query: { stdout: true, stderr: true, timestamps: true, ...query },
        signal,
      }),
  };
}

async function exists(answer: Promise<unknown>): Promise<boolean> {
  return (await orMissing(answer.then(() => true))) ?? false;
}

/** What was answered, or undefined if the engine says 404. */
async function orMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((part) => part.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}
