import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Connection } from "./connect.ts";
import { connectionError, KubernetesError } from "./errors.ts";
import type { EventJson, JobJson, PodJson } from "./objects.ts";
import { allPages, type Page } from "./pages.ts";

/** The calls this backend makes. What they answer is Kubernetes' own JSON. */
export interface KubernetesApi {
  /** Address of the API server, without a slash at its end. Sends it nothing. */
  server(): Promise<string>;
  createJob(namespace: string, job: JsonObject, signal: AbortSignal): Promise<JobJson>;
  /** Undefined if there is none. */
  getJob(namespace: string, name: string): Promise<JobJson | undefined>;
  listJobs(namespace: string, labelSelector: string): Promise<readonly JobJson[]>;
  /**
   * Part of such a list, in the order of names. Throws a `KubernetesError` with the status 410 if the part
   * before it was read minutes ago.
   */
  pageOfJobs(namespace: string, labelSelector: string, part: Part): Promise<Page<JobJson>>;
  listPods(namespace: string, labelSelector: string): Promise<readonly PodJson[]>;
  /** What was reported of an object. */
  listEvents(namespace: string, uid: string): Promise<readonly EventJson[]>;
  /** Applies a merge patch. False if the Job is gone, or has changed since the patch was made. */
  patchJob(namespace: string, name: string, patch: JsonObject): Promise<boolean>;
  /** Deletes a Job with its pods, if it still is the one with this uid. */
  deleteJob(namespace: string, name: string, uid: string): Promise<void>;
  /** The log of a container, each line behind its time. */
  podLog(namespace: string, pod: string, query: LogQuery): Promise<string>;
}

export interface Part {
  /** Where it begins: what the page before it calls `next`; empty for the first. */
  readonly after: string;
  readonly limit: number;
}

export interface LogQuery {
  readonly container: string;
  /** Start of a log, in whole seconds. */
  readonly sinceTime?: string;
  readonly limitBytes: number;
}

/** No answer takes longer, but that of a request with a signal of its own. */
const TIMEOUT_MS = 30_000;
const PAGE_SIZE = 500;

interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonObject;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/**
 * The API server, through the official client's credentials and transport. Its typed calls are not
 * used: they drop whatever fields of a manifest they do not know, without a word.
 *
 * `connect` is called when the API is first needed, and again until it has succeeded once.
 */
export function kubernetesApi(connect: () => Promise<Connection>): KubernetesApi {
  const connection = connector(connect);
  const call = caller(connection);
  const jobs = (namespace: string) => `/apis/batch/v1/namespaces/${segment(namespace)}/jobs`;
  const core = (namespace: string) => `/api/v1/namespaces/${segment(namespace)}`;
  const labelled = (namespace: string, labelSelector: string): Listing => ({
    path: jobs(namespace),
    selector: { labelSelector },
  });
  const job = (namespace: string, name: string) => `${jobs(namespace)}/${segment(name)}`;
  return {
    server: async () => (await connection.get()).server,
    createJob: async (namespace, body, signal) =>
      (await json(call({ method: "POST", path: jobs(namespace), body, signal }))) as JobJson,
    getJob: async (namespace, name) =>
      (await unlessStatus([404], json(call({ method: "GET", path: job(namespace, name) })))) as
        | JobJson
        | undefined,
    listJobs: (namespace, selector) => list<JobJson>(call, labelled(namespace, selector)),
    pageOfJobs: (namespace, selector, part) =>
      page<JobJson>(call, labelled(namespace, selector), part),
    listPods: (namespace, labelSelector) =>
      list<PodJson>(call, { path: `${core(namespace)}/pods`, selector: { labelSelector } }),
    listEvents: (namespace, uid) => {
      const selector = { fieldSelector: `involvedObject.uid=${uid}` };
      return list<EventJson>(call, { path: `${core(namespace)}/events`, selector });
    },
    patchJob: async (namespace, name, body) => {
      const contentType = "application/merge-patch+json";
      const path = job(namespace, name);
      const answer = await unlessStatus(
        [404, 409],
        call({ method: "PATCH", path, body, contentType }),
      );
      return answer !== undefined;
    },
    deleteJob: async (namespace, name, uid) => {
      const body = { propagationPolicy: "Foreground", preconditions: { uid } };
      await unlessStatus([404, 409], call({ method: "DELETE", path: job(namespace, name), body }));
    },
    podLog: (namespace, pod, wanted) => {
      const path = `${core(namespace)}/pods/${segment(pod)}/log`;
      return call({ method: "GET", path, query: queryOf(wanted) });
    },
  };
}

function queryOf({ container, sinceTime, limitBytes }: LogQuery): Readonly<Record<string, string>> {
  const query = { container, timestamps: "true", limitBytes: String(limitBytes) };
  return sinceTime === undefined ? query : { ...query, sinceTime };
}

type Caller = (call: Call) => Promise<string>;
type Connecting = () => Promise<Connection>;

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

/** Credentials may have been renewed where they came from, so those that are refused are looked up once more. */
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
  request.setSignal(signal ?? AbortSignal.timeout(TIMEOUT_MS));
  await connection.authenticate(request);
  try {
    const answer = await new client.IsomorphicFetchHttpLibrary().send(request).toPromise();
    return { status: answer.httpStatusCode, text: await answer.body.text() };
  } catch (error) {
    throw connectionError(server, error);
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

async function json(answer: Promise<string>): Promise<unknown> {
  return JSON.parse(await answer);
}

async function unlessStatus<T>(
  statuses: readonly number[],
  answer: Promise<T>,
): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubernetesError && statuses.includes(error.status)) return undefined;
    throw error;
  }
}

interface Listing {
  readonly path: string;
  readonly selector: Readonly<Record<string, string>>;
}

function list<T>(call: Caller, listing: Listing): Promise<readonly T[]> {
  return allPages((after) => page<T>(call, listing, { after, limit: PAGE_SIZE }));
}

async function page<T>(
  call: Caller,
  { path, selector }: Listing,
  { after, limit }: Part,
): Promise<Page<T>> {
  const next = after === "" ? {} : { continue: after };
  const query = { ...selector, limit: String(limit), ...next };
  const { items = [], metadata } = (await json(call({ method: "GET", path, query }))) as {
    readonly items?: readonly T[];
    readonly metadata?: { readonly continue?: string };
  };
  return { items, next: metadata?.continue ?? "" };
}

function segment(text: string): string {
  return encodeURIComponent(text);
}
