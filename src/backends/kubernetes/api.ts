import type { JsonObject } from "../../json.ts";
import type { Connection } from "./connect.ts";
import { KubernetesError } from "./errors.ts";
import type { EventJson, JobJson, PodJson } from "./objects.ts";
import { allPages, type Page } from "./pages.ts";
import { type Caller, openTransport } from "./transport.ts";

/** The calls about Jobs. What they answer is Kubernetes' own JSON. */
export interface JobCalls {
  createJob(namespace: string, job: JsonObject, signal: AbortSignal): Promise<JobJson>;
  /** Undefined if there is none. */
  getJob(namespace: string, name: string): Promise<JobJson | undefined>;
  listJobs(namespace: string, labelSelector: string): Promise<readonly JobJson[]>;
  /**
   * Part of such a list, in the order of names. Throws a `KubernetesError` with the status 410 if the part
   * before it was read minutes ago.
   */
  pageOfJobs(namespace: string, labelSelector: string, part: Part): Promise<Page<JobJson>>;
  /** Applies a merge patch. False if the Job is gone, or has changed since the patch was made. */
  patchJob(namespace: string, name: string, patch: JsonObject): Promise<boolean>;
  /** Deletes a Job with its pods, if it still is the one with this uid. */
  deleteJob(namespace: string, name: string, uid: string): Promise<void>;
}

/** The calls about pods, and about what is reported of objects. */
export interface PodCalls {
  listPods(namespace: string, labelSelector: string): Promise<readonly PodJson[]>;
  /** What was reported of an object. */
  listEvents(namespace: string, uid: string): Promise<readonly EventJson[]>;
  /** The log of a container, each line behind its time. */
  podLog(namespace: string, pod: string, query: LogQuery): Promise<string>;
}

/** The calls this backend makes. */
export interface KubernetesApi extends JobCalls, PodCalls {
  /** Address of the API server, without a slash at its end. Sends it nothing. */
  server(): Promise<string>;
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

const PAGE_SIZE = 500;

/** The API of the cluster that `connect` leads to; see `openTransport` for when it is called. */
export function kubernetesApi(connect: () => Promise<Connection>): KubernetesApi {
  const { server, call } = openTransport(connect);
  return { server, ...jobCalls(call), ...podCalls(call) };
}

function jobCalls(call: Caller): JobCalls {
  const jobs = (namespace: string) => `/apis/batch/v1/namespaces/${segment(namespace)}/jobs`;
  const job = (namespace: string, name: string) => `${jobs(namespace)}/${segment(name)}`;
  const labelled = (namespace: string, labelSelector: string): Listing => ({
    path: jobs(namespace),
    selector: { labelSelector },
  });
  return {
    createJob: async (namespace, body, signal) =>
      (await json(call({ method: "POST", path: jobs(namespace), body, signal }))) as JobJson,
    getJob: async (namespace, name) =>
      (await unlessStatus([404], json(call({ method: "GET", path: job(namespace, name) })))) as
        | JobJson
        | undefined,
    listJobs: (namespace, selector) => list<JobJson>(call, labelled(namespace, selector)),
    pageOfJobs: (namespace, selector, part) =>
      page<JobJson>(call, labelled(namespace, selector), part),
    patchJob: async (namespace, name, body) => {
      const contentType = "application/merge-patch+json";
      const path = job(namespace, name);
      const answer = call({ method: "PATCH", path, body, contentType });
      return (await unlessStatus([404, 409], answer)) !== undefined;
    },
    deleteJob: async (namespace, name, uid) => {
      const body = { propagationPolicy: "Foreground", preconditions: { uid } };
      await unlessStatus([404, 409], call({ method: "DELETE", path: job(namespace, name), body }));
    },
  };
}

function podCalls(call: Caller): PodCalls {
  const core = (namespace: string) => `/api/v1/namespaces/${segment(namespace)}`;
  return {
    listPods: (namespace, labelSelector) =>
      list<PodJson>(call, { path: `${core(namespace)}/pods`, selector: { labelSelector } }),
    listEvents: (namespace, uid) => {
      const selector = { fieldSelector: `involvedObject.uid=${uid}` };
      return list<EventJson>(call, { path: `${core(namespace)}/events`, selector });
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
