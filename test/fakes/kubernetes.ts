import type { IncomingMessage } from "node:http";
import { type ClusterKind, round, terminate } from "./kubernetes-controller.ts";
import {
  type FakeJob,
  type FakeMetadata,
  type FakePod,
  type FakeStore,
  newMetadata,
  newStore,
  podsOf,
  remove,
  selects,
  touch,
} from "./kubernetes-objects.ts";
import { bytesOf, serve } from "./serve.ts";

/** What the server does with a request instead of answering it as it should. */
export interface Fault {
  readonly method: string;
  /** Found in the path alone, or in path and query. */
  readonly path: RegExp;
  /**
   * `reset`: not done, no answer. `lost`: done, no answer. `hang`: not done, and the connection stays open.
   * Else an answer, and nothing is done.
   */
  readonly answer:
    | "reset"
    | "lost"
    | "hang"
    | { status: number; reason?: string; message?: string };
}

/** A stand-in for an API server with its controllers, over HTTP. */
export interface FakeKubernetes {
  readonly store: FakeStore;
  readonly url: string;
  /** A kubeconfig with the right token. */
  readonly kubeconfig: string;
  /** What was asked, such as `POST /apis/batch/v1/namespaces/default/jobs`, with its query. */
  readonly requests: string[];
  /** Each is used once. */
  readonly faults: Fault[];
  /** Lets the controllers work for so many rounds of so many seconds. Default: one of one second. */
  advance(rounds?: number, seconds?: number): void;
  job(name: string): FakeJob;
  /** The pods of a Job, oldest first. */
  pods(jobName: string): FakePod[];
  close(): Promise<void>;
}

const TOKEN = "token-of-the-fake";

/** Starts the server on a port of its own. */
export async function fakeKubernetes(kind: Partial<ClusterKind> = {}): Promise<FakeKubernetes> {
  const store = newStore();
  const requests: string[] = [];
  const faults: Fault[] = [];
  const { url: here, close } = await serve(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://fake");
    requests.push(`${request.method} ${decodeURIComponent(request.url ?? "")}`);
    const body = String(await bytesOf(request));
    const fault = take(faults, request.method ?? "", url);
    if (fault?.answer === "hang") return;
    if (fault?.answer === "reset") {
      response.destroy();
      return;
    }
    const answer =
      typeof fault?.answer === "object"
        ? refusal(fault.answer.status, fault.answer.reason ?? "", fault.answer.message ?? "")
        : handle(store, { method: request.method ?? "", url, body, request });
    if (fault?.answer === "lost") {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, {
      "content-type": typeof answer.body === "string" ? "text/plain" : "application/json",
    });
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
  });
  return {
    store,
    url: here,
    kubeconfig: kubeconfigFor(here),
    requests,
    faults,
    advance: (rounds = 1, seconds = 1) => {
      for (let done = 0; done < rounds; done++) {
        store.now = new Date(store.now.getTime() + seconds * 1000);
        round(store, { failsEarly: false, withoutReady: false, ...kind });
      }
    },
    job: (name) => must(store.jobs.find(({ metadata }) => metadata.name === name)),
    pods: (jobName) =>
      podsOf(store, must(store.jobs.find(({ metadata }) => metadata.name === jobName))),
    close,
  };
}

/** A kubeconfig for a server without TLS. */
export function kubeconfigFor(url: string, token = TOKEN): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "fake", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "sluice", user: { token } }],
    contexts: [{ name: "fake", context: { cluster: "fake", user: "sluice" } }],
    "current-context": "fake",
  });
}

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly body: string;
  readonly request: IncomingMessage;
}

interface Answer {
  readonly status: number;
  readonly body: object | string;
}

function handle(store: FakeStore, call: Call): Answer {
  if (call.request.headers.authorization !== `Bearer ${TOKEN}`) {
    return refusal(401, "Unauthorized", "Unauthorized");
  }
  const match =
    /^(\/apis\/batch\/v1|\/api\/v1)\/namespaces\/([^/]+)\/(jobs|pods|events)(?:\/([^/]+))?(\/log)?$/.exec(
      call.url.pathname,
    );
  if (match === null)
    return refusal(404, "NotFound", "the server could not find the requested resource");
  const [, group, namespace = "", kind = "", name, log] = match;
  if ((group === "/apis/batch/v1") !== (kind === "jobs"))
    return refusal(404, "NotFound", "wrong group");
  if (kind !== "jobs") {
    if (log !== undefined) return readLog(store, namespace, name ?? "", call.url.searchParams);
    return listed(
      store,
      kind === "pods" ? store.pods.map(withoutLog) : store.events,
      namespace,
      call,
    );
  }
  if (name === undefined) {
    return call.method === "POST"
      ? createJob(store, namespace, call.body)
      : listed(store, store.jobs, namespace, call);
  }
  return oneJob(store, namespace, name, call);
}

function oneJob(store: FakeStore, namespace: string, name: string, { method, body }: Call): Answer {
  const job = store.jobs.find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
  );
  if (job === undefined) return refusal(404, "NotFound", `jobs.batch "${name}" not found`);
  switch (method) {
    case "PATCH":
      return patchJob(store, job, JSON.parse(body) as Patch);
    case "DELETE":
      return deleteJob(store, job, JSON.parse(body) as DeleteOptions);
    default:
      return { status: 200, body: job };
  }
}

function createJob(store: FakeStore, namespace: string, text: string): Answer {
  const job = JSON.parse(text) as FakeJob;
  const name = job.metadata?.name;
  if (!store.namespaces.has(namespace))
    return refusal(404, "NotFound", `namespaces "${namespace}" not found`);
  if ((job.metadata.namespace ?? namespace) !== namespace) {
    return refusal(
      400,
      "BadRequest",
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  const other = otherType(job);
  if (other !== undefined) return refusal(400, "BadRequest", other);
  const containers = job.spec?.template?.spec?.containers ?? [];
  if (containers.some(({ env = [] }) => env.some(({ value = "" }) => typeof value !== "string"))) {
    return refusal(
      400,
      "BadRequest",
      "Job in version v1 cannot be handled as a Job: json: cannot unmarshal number into Go struct field EnvVar.value of type string",
    );
  }
  const faults = faultsOf(job);
  if (faults.length > 0) {
    return refusal(422, "Invalid", `Job.batch "${name}" is invalid: ${faults.join(", ")}`);
  }
  if (
    store.jobs.some(({ metadata }) => metadata.namespace === namespace && metadata.name === name)
  ) {
    return refusal(409, "AlreadyExists", `jobs.batch "${name}" already exists`);
  }
  const metadata = newMetadata(store, { ...job.metadata, namespace });
  const stored: FakeJob = { ...job, metadata, status: {} };
  store.jobs.push(stored);
  store.created++;
  return { status: 201, body: stored };
}

/** What the server says to an object that says to be no Job of this API. */
function otherType(job: FakeJob & { kind?: string; apiVersion?: string }): string | undefined {
  const { kind = "Job", apiVersion = "batch/v1" } = job;
  if (apiVersion !== "batch/v1") {
    return `the API version in the data (${apiVersion}) does not match the expected API version (batch/v1)`;
  }
  if (kind === "Job") return undefined;
  return `${kind} in version "v1" cannot be handled as a Job: converting (v1.${kind}) to (batch.Job): unknown conversion`;
}

function faultsOf({ metadata, spec }: FakeJob): string[] {
  const values = [
    ...Object.values(metadata.labels ?? {}),
    ...Object.values(spec.template.metadata?.labels ?? {}),
  ];
  const pod = spec.template.spec;
  return [
    ...(/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(metadata.name)
      ? []
      : ["metadata.name: Invalid value"]),
    ...(values.every((value) =>
      /^(?=.{0,63}$)([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value),
    )
      ? []
      : ["metadata.labels: Invalid value"]),
    ...(pod.containers?.length > 0 ? [] : ["spec.template.spec.containers: Required value"]),
    ...(pod.containers ?? []).flatMap(({ name, image }, index) => [
      ...(name ? [] : [`spec.template.spec.containers[${index}].name: Required value`]),
      ...(image ? [] : [`spec.template.spec.containers[${index}].image: Required value`]),
    ]),
    ...(["Never", "OnFailure"].includes(pod.restartPolicy ?? "Always")
      ? []
      : [`spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`]),
  ];
}

interface Patch {
  metadata?: { resourceVersion?: string; annotations?: Record<string, string> };
  spec?: Partial<FakeJob["spec"]>;
}

function patchJob(store: FakeStore, job: FakeJob, { metadata, spec }: Patch): Answer {
  const version = metadata?.resourceVersion;
  if (version !== undefined && version !== job.metadata.resourceVersion) {
    return refusal(409, "Conflict", "the object has been modified");
  }
  const before = JSON.stringify(job);
  job.metadata.annotations = { ...job.metadata.annotations, ...metadata?.annotations };
  Object.assign(job.spec, spec);
  // A patch that says what is so already writes nothing, and nobody hears of it.
  if (JSON.stringify(job) === before) return { status: 200, body: job };
  const isDeadline = spec?.activeDeadlineSeconds !== undefined;
  if (!isDeadline) store.deadlinesMissed.delete(job.metadata.uid);
  touch(store, job);
  return { status: 200, body: job };
}

interface DeleteOptions {
  propagationPolicy?: string;
  preconditions?: { uid?: string };
}

function deleteJob(store: FakeStore, job: FakeJob, { preconditions }: DeleteOptions): Answer {
  const uid = preconditions?.uid;
  if (uid !== undefined && uid !== job.metadata.uid)
    return refusal(409, "Conflict", "uid mismatch");
  for (const pod of podsOf(store, job)) terminate(store, pod);
  remove(store.jobs, job);
  return { status: 200, body: { kind: "Status", status: "Success" } };
}

type Listable = { metadata: FakeMetadata; involvedObject?: { uid: string } };

function listed(
  store: FakeStore,
  all: readonly Listable[],
  namespace: string,
  { url }: Call,
): Answer {
  const query = url.searchParams;
  const field = query.get("fieldSelector")?.replace("involvedObject.uid=", "");
  const items = all.filter(
    ({ metadata, involvedObject }) =>
      metadata.namespace === namespace &&
      selects(query.get("labelSelector") ?? "", metadata.labels) &&
      (field === undefined || involvedObject?.uid === field),
  );
  // As with the real one, a page begins behind the last name of the one before, whatever is gone by then.
  const after = query.get("continue") ?? "";
  const left = items
    .filter(({ metadata }) => metadata.name > after)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const limit = Math.min(Number(query.get("limit") ?? left.length), store.pageSize ?? Infinity);
  const page = left.slice(0, limit);
  const more = limit < left.length ? { continue: page.at(-1)?.metadata.name } : {};
  const metadata = { resourceVersion: String(store.version), ...more };
  return { status: 200, body: { metadata, items: page } };
}

function readLog(
  store: FakeStore,
  namespace: string,
  name: string,
  query: URLSearchParams,
): Answer {
  const pod = store.pods.find(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
  );
  const status = pod?.status.containerStatuses?.find((one) => one.name === query.get("container"));
  if (pod === undefined) return refusal(404, "NotFound", `pods "${name}" not found`);
  if (status === undefined || status.state.waiting !== undefined) {
    return refusal(400, "BadRequest", `container in pod "${name}" is waiting to start`);
  }
  if (pod.logGone === true) {
    // What a kubelet answers, with 200 and no end of the line.
    const body = `unable to retrieve container logs for containerd://${pod.metadata.uid}`;
    return { status: 200, body };
  }
  const since =
    Math.floor(Date.parse(query.get("sinceTime") ?? "1970-01-01T00:00:00Z") / 1000) * 1000;
  const lines = pod.log.filter(({ time }) => Date.parse(time) >= since);
  const times = query.get("timestamps") === "true";
  const text = lines.map(({ time, text }) => `${times ? `${time} ` : ""}${text}\n`).join("");
  const limit = Number(query.get("limitBytes") ?? text.length);
  return { status: 200, body: Buffer.from(text).subarray(0, limit).toString() };
}

function refusal(code: number, reason: string, message: string): Answer {
  return { status: code, body: { kind: "Status", status: "Failure", code, reason, message } };
}

function take(faults: Fault[], method: string, { pathname, search }: URL): Fault | undefined {
  const index = faults.findIndex(
    (fault) =>
      fault.method === method &&
      (fault.path.test(pathname) || fault.path.test(`${pathname}${search}`)),
  );
  return index < 0 ? undefined : faults.splice(index, 1)[0];
}

function withoutLog({ metadata, spec, status }: FakePod): Omit<FakePod, "log" | "logGone"> {
  return { metadata, spec, status };
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the fake has no such object");
  return value;
}
