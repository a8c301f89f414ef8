import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type FakeBody,
  type FakeContainer,
  fits,
  frame,
  hasLabels,
  inspected,
  type Json,
  listed,
  madeContainer,
  secondsOf,
} from "./docker-containers.ts";
import { wordsOf } from "./words.ts";

/** What goes wrong with the next call that fits. Each happens once. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  /**
   * `lost`: the call is done, and its answer never comes. `cut`: the connection breaks before anything
   * is done. `hang`: nothing is done and nobody answers. Else: what is answered instead.
   */
  readonly how: "lost" | "cut" | "hang" | { readonly status: number; readonly message: string };
  /** Lets so many fitting calls through before. Default: 0. */
  readonly after?: number;
}

/** What a registry says when an image is pulled: nothing, an error in the stream, or a refusal. */
export type Registry = Readonly<
  Record<
    string,
    { readonly streamed?: string; readonly status?: number; readonly message?: string }
  >
>;

/** A Docker engine that keeps no promise but those of the Engine API. */
export interface FakeDocker {
  readonly url: string;
  readonly containers: Map<string, FakeContainer>;
  readonly images: Set<string>;
  readonly volumes: Map<string, Json>;
  readonly networks: Set<string>;
  /** What can be pulled; any other image is refused. */
  readonly registry: Record<string, Registry[string]>;
  readonly faults: Fault[];
  /** Method and path of each call, in order. */
  readonly calls: string[];
  /** The address, query included, of each call, and its body. */
  readonly received: { readonly url: string; readonly body: string; readonly auth?: string }[];
  /** How often a container has begun to run. */
  starts: number;
  version: string;
  /** What the engine calls itself: the next of these for each question, the last one from then on. */
  names: string[];
  now: Date;
  /** Lets every container that runs by itself come to its end. */
  tick(): void;
  /** Ends a container. */
  end(
    id: string,
    exitCode: number,
    more?: { readonly oomKilled?: boolean; readonly error?: string },
  ): void;
  /** Writes a message of a container, now or at a time with nanoseconds. */
  write(id: string, content: string | Buffer, more?: { stream?: 1 | 2; time?: string }): void;
  /** Nobody listens any more, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** How many clients listen to events. */
const listeners = new WeakMap<FakeDocker, Set<{ filters: Filters; response: ServerResponse }>>();
type Filters = Readonly<Record<string, string[]>>;

/** How many streams of events are open. */
export function listenersOf(docker: FakeDocker): number {
  return listeners.get(docker)?.size ?? 0;
}

/** Breaks every stream of events. */
export function breakEvents(docker: FakeDocker): void {
  for (const { response } of listeners.get(docker) ?? []) response.destroy();
}

/**
 * Starts a fake engine. A container does what its command says: `exit N` ends with the next tick,
 * `write …` writes its arguments as lines and then ends, `forever` runs until it is stopped, `nowhere`
 * cannot be started, and everything else ends well.
 */
export async function fakeDocker(): Promise<FakeDocker> {
  const server = createServer((request, response) => {
    void receive(docker, request, response);
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const docker: FakeDocker = {
    url: `tcp://127.0.0.1:${port}`,
    containers: new Map(),
    images: new Set(),
    volumes: new Map(),
    networks: new Set(["bridge", "host", "none"]),
    registry: {},
    faults: [],
    calls: [],
    received: [],
    starts: 0,
    version: "24.0.7",
    names: ["7TRN:IPZB"],
    now: new Date("2026-11-21T12:00:00.000Z"),
    tick() {
      for (const container of docker.containers.values()) {
        const [what, code] = wordsOf(container.body.Cmd);
        if (container.status !== "running" || what === "forever") continue;
        docker.end(container.id, what === "exit" ? Number(code) : 0);
      }
    },
    end(id, exitCode, { oomKilled = false, error = "" } = {}) {
      const container = get(docker, id);
      const finishedAt = docker.now.toISOString();
      Object.assign(container, { status: "exited", exitCode, oomKilled, error, finishedAt });
      emit(docker, container, "die");
    },
    write(
      id,
      content,
      { stream = 1, time = `${docker.now.toISOString().slice(0, -1)}000000Z` } = {},
    ) {
      get(docker, id).log.push({ stream, time, content: Buffer.from(content) });
    },
    down: stop,
    up: () => listen(port),
    close: stop,
  };
  listeners.set(docker, new Set());
  return docker;
}

async function receive(docker: FakeDocker, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const { method = "GET", url: address = "/" } = request;
  const url = new URL(address, "http://engine");
  const auth = request.headers["x-registry-auth"];
  docker.calls.push(`${method} ${url.pathname}`);
  docker.received.push({ url: address, body, ...(typeof auth === "string" ? { auth } : {}) });
  const fault = takeFault(docker, method, url.pathname);
  if (fault === "cut") return response.destroy();
  if (fault === "hang") return;
  if (typeof fault === "object") return answer(response, fault.status, { message: fault.message });
  const reply = fault === "lost" ? undefined : response;
  handle(docker, { method, url, body: body === "" ? {} : (JSON.parse(body) as Json) }, reply);
  if (reply === undefined) response.destroy();
}

function takeFault(docker: FakeDocker, method: string, path: string): Fault["how"] | undefined {
  const index = docker.faults.findIndex(
    (fault) => fault.method === method && fault.path.test(path),
  );
  const fault = docker.faults[index];
  if (fault === undefined) return undefined;
  if ((fault.after ?? 0) > 0) {
    docker.faults[index] = { ...fault, after: (fault.after ?? 0) - 1 };
    return undefined;
  }
  docker.faults.splice(index, 1);
  return fault.how;
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly body: Json;
}

type Reply = ServerResponse | undefined;
type Handler = (docker: FakeDocker, asked: Asked & { readonly id: string }, reply: Reply) => void;

function handle(docker: FakeDocker, asked: Asked, reply: Reply): void {
  const path = asked.url.pathname;
  for (const [route, handler] of ROUTES) {
    const [method, pattern] = route.split(" ");
    const match = method === asked.method ? new RegExp(`^${pattern}$`).exec(path) : null;
    if (match !== null)
      return handler(docker, { ...asked, id: decodeURIComponent(match[1] ?? "") }, reply);
  }
  answer(reply, 404, { message: "page not found" });
}

const ROUTES: readonly (readonly [string, Handler])[] = [
  ["GET /version", (docker, _, reply) => answer(reply, 200, { Version: docker.version })],
  [
    "GET /info",
    ({ names }, _, reply) =>
      answer(reply, 200, { ID: names.length > 1 ? names.shift() : names[0] }),
  ],
  ["POST /images/create", pull],
  [
    "GET /images/(.+)/json",
    (docker, { id }, reply) => found(reply, docker.images.has(id), `image: ${id}`),
  ],
  [
    "GET /volumes/(.+)",
    (docker, { id }, reply) => found(reply, docker.volumes.has(id), `volume: ${id}`),
  ],
  ["POST /volumes/create", createVolume],
  ["POST /containers/create", create],
  ["GET /containers/json", list],
  ["GET /containers/(.+)/json", inspect],
  ["POST /containers/(.+)/start", start],
  ["POST /containers/(.+)/stop", stop],
  ["DELETE /containers/(.+)", remove],
  ["GET /containers/(.+)/logs", logs],
  ["POST /networks/(.+)/connect", connect],
  ["GET /events", events],
];

function pull(docker: FakeDocker, { url }: Asked, reply: Reply): void {
  const name = url.searchParams.get("fromImage") ?? "";
  const tag = url.searchParams.get("tag") ?? "";
  const image = `${name}${tag.startsWith("sha256:") ? "@" : ":"}${tag}`;
  const offer = docker.registry[image];
  if (offer === undefined) {
    const message = `pull access denied for ${name}, repository does not exist`;
    return answer(reply, 404, { message });
  }
  if (offer.status !== undefined) return answer(reply, offer.status, { message: offer.message });
  if (offer.streamed === undefined) {
    docker.images.add(image);
    docker.images.add(image.replace(/:latest$/, ""));
  }
  reply?.writeHead(200, { "content-type": "application/json" });
  reply?.write(`{"status":"Pulling from ${name}"}\r\n`);
  const { streamed } = offer;
  const last =
    streamed === undefined
      ? { status: "done" }
      : { errorDetail: { message: streamed }, error: streamed };
  reply?.end(`${JSON.stringify(last)}\r\n`);
}

function createVolume(docker: FakeDocker, { body }: Asked, reply: Reply): void {
  docker.volumes.set(String(body["Name"]), body);
  answer(reply, 201, { Name: body["Name"] });
}

function create(docker: FakeDocker, { url, body }: Asked, reply: Reply): void {
  const name = url.searchParams.get("name") ?? "";
  const wanted = body as FakeBody;
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    return answer(reply, 400, { message: `Invalid container name (${name})` });
  }
  const other = lookUp(docker, name);
  if (other !== undefined) {
    const message = `Conflict. The container name "/${name}" is already in use by container "${other.id}". You have to remove (or rename) that container to be able to reuse that name.`;
    // Engines up to 17.09 called it a bad request.
    return answer(reply, docker.version.startsWith("17.") ? 400 : 409, { message });
  }
  const image = wanted.Image ?? "";
  if (!docker.images.has(image)) return answer(reply, 404, { message: `No such image: ${image}` });
  const memory = Number(wanted.HostConfig?.["Memory"] ?? 0);
  if (memory > 0 && memory < 6 * 1024 ** 2) {
    return answer(reply, 400, { message: "Minimum memory limit allowed is 6MB" });
  }
  const id = randomBytes(32).toString("hex");
  docker.containers.set(id, madeContainer(id, name, wanted, docker.now));
  answer(reply, 201, { Id: id, Warnings: [] });
}

function list(docker: FakeDocker, { url }: Asked, reply: Reply): void {
  const filters = filtersOf(url);
  const all = url.searchParams.get("all") === "true";
  const fitting = [...docker.containers.values()]
    .filter((container) => all || container.status === "running")
    .filter((container) => fits(container, filters));
  answer(reply, 200, fitting.toReversed().map(listed));
}

function inspect(docker: FakeDocker, { id }: { id: string }, reply: Reply): void {
  withContainer(docker, id, reply, (container) => answer(reply, 200, inspected(container)));
}

function start(docker: FakeDocker, { id }: { id: string }, reply: Reply): void {
  withContainer(docker, id, reply, (container) => {
    if (container.status === "running") return answer(reply, 304);
    const [what, ...rest] = wordsOf(container.body.Cmd);
    const missing = [...container.networks].find((network) => !docker.networks.has(network));
    if (missing !== undefined)
      return refuseStart(container, 404, `network ${missing} not found`, reply);
    if (what === "nowhere")
      return refuseStart(
        container,
        400,
        `exec: "nowhere": executable file not found in $PATH`,
        reply,
      );
    docker.starts += 1;
    const startedAt = docker.now.toISOString();
    Object.assign(container, { status: "running", exitCode: 0, startedAt, error: "" });
    if (what === "write") for (const line of rest) docker.write(container.id, `${line}\n`);
    answer(reply, 204);
  });
}

/** The engine keeps a container it could not start, as created, with a code and its words. */
function refuseStart(
  container: FakeContainer,
  status: number,
  message: string,
  reply: Reply,
): void {
  Object.assign(container, { exitCode: status === 400 ? 127 : 128, error: message });
  answer(reply, status, { message });
}

function stop(docker: FakeDocker, { id }: { id: string }, reply: Reply): void {
  withContainer(docker, id, reply, (container) => {
    if (container.status !== "running") return answer(reply, 304);
    docker.end(container.id, 143);
    answer(reply, 204);
  });
}

function remove(docker: FakeDocker, { id }: { id: string }, reply: Reply): void {
  withContainer(docker, id, reply, (container) => {
    if (container.status === "running") {
      return answer(reply, 409, { message: "You cannot remove a running container" });
    }
    docker.containers.delete(container.id);
    answer(reply, 204);
  });
}

function connect(docker: FakeDocker, { id, body }: Asked & { id: string }, reply: Reply): void {
  if (!docker.networks.has(id)) return answer(reply, 404, { message: `network ${id} not found` });
  withContainer(docker, String(body["Container"]), reply, (container) => {
    if (container.networks.has(id)) {
      return answer(reply, 403, {
        message: `endpoint with name ${container.name} already exists in network ${id}`,
      });
    }
    container.networks.add(id);
    answer(reply, 200);
  });
}

function logs(docker: FakeDocker, { id, url }: Asked & { id: string }, reply: Reply): void {
  withContainer(docker, id, reply, (container) => {
    const since = Number(url.searchParams.get("since") ?? 0);
    reply?.writeHead(200);
    for (const message of container.log) {
      if (secondsOf(message.time) >= since) reply?.write(frame(message));
    }
    reply?.end();
  });
}

function events(docker: FakeDocker, { url }: Asked, reply: Reply): void {
  if (reply === undefined) return;
  const listener = { filters: filtersOf(url), response: reply };
  listeners.get(docker)?.add(listener);
  reply.on("close", () => listeners.get(docker)?.delete(listener));
  reply.writeHead(200, { "content-type": "application/json" });
  reply.flushHeaders();
}

function emit(docker: FakeDocker, container: FakeContainer, action: string): void {
  const labels = container.body.Labels ?? {};
  const event = {
    Type: "container",
    Action: action,
    Actor: { ID: container.id, Attributes: { ...labels, name: container.name } },
  };
  for (const { filters, response } of listeners.get(docker) ?? []) {
    if (filters["event"]?.includes(action) && hasLabels(labels, filters["label"] ?? [])) {
      response.write(`${JSON.stringify(event)}\n`);
    }
  }
}

function withContainer(
  docker: FakeDocker,
  id: string,
  reply: Reply,
  work: (container: FakeContainer) => void,
): void {
  const container = lookUp(docker, id);
  if (container === undefined) answer(reply, 404, { message: `No such container: ${id}` });
  else work(container);
}

/** By id, the start of one, or name. */
function lookUp(docker: FakeDocker, id: string): FakeContainer | undefined {
  return [...docker.containers.values()].find(
    (container) => container.name === id || container.id.startsWith(id),
  );
}

function get(docker: FakeDocker, id: string): FakeContainer {
  const container = lookUp(docker, id);
  if (container === undefined) throw new Error(`the fake engine has no container ${id}`);
  return container;
}

function filtersOf(url: URL): Filters {
  return JSON.parse(url.searchParams.get("filters") ?? "{}") as Filters;
}

function found(reply: Reply, is: boolean, what: string): void {
  if (is) answer(reply, 200, {});
  else answer(reply, 404, { message: `No such ${what}` });
}

function answer(reply: Reply, status: number, body?: unknown): void {
  reply?.writeHead(status, { "content-type": "application/json" });
  reply?.end(body === undefined ? undefined : JSON.stringify(body));
}
