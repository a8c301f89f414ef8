import { setTimeout } from "node:timers/promises";
import type { JobServiceClient } from "@google-cloud/aiplatform/build/src/v1/job_service_client.js";
import type { AuthClient } from "google-auth-library";
import { CredentialsError, withToken } from "../../credentials/google.ts";
import { messageOf } from "../../errors.ts";
import type { Credentials } from "./credentials.ts";
import { codeOf, UNAUTHENTICATED } from "./errors.ts";
import type { ReadMessage } from "./message.ts";
import type { VertexJob } from "./status.ts";

/** The calls of Vertex AI's JobService that are used. They throw what Google's client throws. */
export interface VertexApi {
  /** Creates a job; the service starts it at once. Not idempotent. */
  create(parent: string, job: ReadMessage["message"], signal: AbortSignal): Promise<VertexJob>;
  /** One page of the jobs a filter selects, without their specs. */
  list(request: ListRequest): Promise<JobPage>;
  get(name: string, signal?: AbortSignal): Promise<VertexJob>;
  cancel(name: string): Promise<void>;
}

export interface ListRequest {
  readonly parent: string;
  readonly filter: string;
  readonly pageToken?: string;
  readonly signal?: AbortSignal;
}

export interface JobPage {
  readonly jobs: readonly VertexJob[];
  /** Token of the next page; absent at the end. A page may be empty and not the last. */
  readonly next?: string;
}

/** Where and how Vertex AI is spoken to. */
export interface Connection {
  readonly host: string;
  readonly port?: number;
  /** Plain text, for emulators. */
  readonly insecure: boolean;
  readonly transport: "rest" | "grpc";
  readonly credentials: Credentials;
  /** Options of Google's client on top of ours. */
  readonly clientOptions?: ClientOptions | undefined;
  /** Aborted when the process closes: connections end with it. */
  readonly closing: AbortSignal;
}

type ClientOptions = NonNullable<ConstructorParameters<typeof JobServiceClient>[0]>;

/** How long one call may take. */
const TIMEOUT_MS = 30_000;

/** Jobs on a page of a list. */
const PAGE_SIZE = 100;

/** What a list tells of a job. Its spec is left out: it is large and holds the values of variables. */
const READ_MASK = {
  paths: ["name", "state", "create_time", "start_time", "end_time", "error", "labels"],
};

/** Opens Vertex AI; Google's client is loaded and credentials are looked for at the first call. */
export function connect(connection: Connection): VertexApi {
  const asked = callsOver(connection);
  return {
    create: (parent, customJob, signal) =>
      asked(signal, async (api) => {
        // A function that was frozen on its way here learns of timers that are over a turn later.
        await setTimeout(0, undefined, { signal });
        const [job] = await api.createCustomJob(
          { parent, customJob },
          { timeout: TIMEOUT_MS, signal },
        );
        return job;
      }),
    list: ({ signal, ...request }) =>
      asked(signal, async (api) => {
        const [jobs, , answer] = await api.listCustomJobs(
          { ...request, pageSize: PAGE_SIZE, readMask: READ_MASK },
          { timeout: TIMEOUT_MS, autoPaginate: false, ...(signal === undefined ? {} : { signal }) },
        );
        const next = answer?.nextPageToken ?? "";
        return { jobs, ...(next === "" ? {} : { next }) };
      }),
    get: (name, signal) =>
      asked(signal, async (api) => {
        const [job] = await api.getCustomJob(
          { name },
          { timeout: TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) },
        );
        return job;
      }),
    cancel: (name) =>
      asked(undefined, async (api) => {
        await api.cancelCustomJob({ name }, { timeout: TIMEOUT_MS });
      }),
  };
}

/**
 * Makes calls of one client, or of another one once there are other credentials. A call that is not
 * accepted for its credentials did nothing, and is made once more with what is found when they are looked
 * for again.
 */
function callsOver(
  connection: Connection,
): <T>(signal: AbortSignal | undefined, call: Call<T>) => Promise<T> {
  const { credentials } = connection;
  let opened: { readonly by: AuthClient; readonly client: Promise<JobServiceClient> } | undefined;
  const open = async (): Promise<Opened> => {
    const by = await credentials.ready();
    // A client keeps the credentials it was made with, also when others have taken their place.
    if (opened?.by !== by) opened = { by, client: openClient(connection, by) };
    return { by, client: await opened.client };
  };
  const once = async <T>(signal: AbortSignal | undefined, call: Call<T>): Promise<T> => {
    const { by, client } = await (signal === undefined ? open() : withToken(signal, open));
    try {
      return await call(client);
    } catch (error) {
      if (codeOf(error) === UNAUTHENTICATED) credentials.forget(by);
      throw error;
    }
  };
  return async (signal, call) => {
    try {
      return await once(signal, call);
    } catch (error) {
      if (codeOf(error) !== UNAUTHENTICATED) throw error;
      return once(signal, call);
    }
  };
}

type Call<T> = (client: JobServiceClient) => Promise<T>;

/** A client, and what signs its requests. */
interface Opened {
  readonly by: AuthClient;
  readonly client: JobServiceClient;
}

/**
 * Makes a client that is ready for calls. Its methods must not be called before: they drop a failure of
 * its preparation where nobody can catch it, which ends the process.
 */
async function openClient(
  connection: Connection,
  authClient: AuthClient,
): Promise<JobServiceClient> {
  const { JobServiceClient: Client } = await import(
    "@google-cloud/aiplatform/build/src/v1/job_service_client.js"
  );
  const client = new Client(clientOptions(connection, authClient));
  try {
    await client.initialize();
  } catch (error) {
    throw new CredentialsError(`Google's client cannot be used: ${messageOf(error)}`, {
      lasting: true,
      cause: error,
    });
  }
  connection.closing.addEventListener("abort", () => void client.close(), { once: true });
  return client;
}

function clientOptions(connection: Connection, authClient: AuthClient): ClientOptions {
  const { host, port, insecure, transport } = connection;
  return {
    apiEndpoint: host,
    ...(port === undefined ? {} : { port }),
    fallback: transport === "rest",
    ...(insecure ? { protocol: "http" } : {}),
    authClient,
    ...connection.clientOptions,
  };
}
