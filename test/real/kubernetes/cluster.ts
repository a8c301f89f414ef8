import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Backend, World } from "../../../src/backend.ts";
import { type Connection, connect } from "../../../src/backends/kubernetes/connect.ts";
import { backend as module } from "../../../src/backends/kubernetes/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import { testAgent } from "../../contracts/request.ts";
import { testWorld } from "../../fakes/world.ts";
import { startNode, type TestNode } from "./node.ts";

/** An object of the API, as far as these tests look into it. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Record<string, string>;
  };
  readonly spec: JsonObject;
  readonly status?: JsonObject & { readonly phase?: string };
}

/** Sends one request; throws on any answer that is no success. */
export type Call = (
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  body?: object,
) => Promise<ApiObject & { readonly items: readonly ApiObject[] }>;

/** A namespace of its own on the cluster that KUBECONFIG names. */
export interface Cluster {
  readonly namespace: string;
  readonly call: Call;
  open(options?: JsonObject, world?: Partial<World>): Backend;
  jobs(): Promise<readonly ApiObject[]>;
  /** Lets the cluster work a little. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

/** Where the cluster is found. Fails if nothing says it: these tests are never skipped. */
function surroundings(): Partial<World> {
  const KUBECONFIG = process.env["KUBECONFIG"];
  if (!KUBECONFIG) throw new Error("set KUBECONFIG to a cluster that tests may use");
  return { cwd: process.cwd(), env: { KUBECONFIG }, now: () => new Date() };
}

/** Makes a namespace. Where SLUICE_TEST_NODE is `fake` the cluster has no machines, so one is played. */
export async function openCluster(): Promise<Cluster> {
  const connection = await connect({}, testWorld(surroundings()));
  const call: Call = (method, path, body) => send(connection, method, path, body);
  const namespace = `sluice-test-${randomUUID().slice(0, 8)}`;
  await call("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  const node: TestNode | undefined =
    process.env["SLUICE_TEST_NODE"] === "fake" ? await startNode(call, namespace) : undefined;
  return {
    namespace,
    call,
    open: (options = {}, world = {}) =>
      module.open(
        testAgent({
          backend: "kubernetes",
          options: { namespace, ...options },
        }),
        testWorld({ ...surroundings(), ...world }),
      ),
    jobs: async () => (await call("GET", `/apis/batch/v1/namespaces/${namespace}/jobs`)).items,
    tick: async () => {
      await node?.work();
      await pause(100);
    },
    close: async () => {
      await call("DELETE", `/api/v1/namespaces/${namespace}`);
      await node?.close();
    },
  };
}

async function send(
  { client, server, authenticate }: Connection,
  method: Parameters<Call>[0],
  path: string,
  body?: object,
): ReturnType<Call> {
  const request = new client.RequestContext(`${server}${path}`, method);
  request.setHeaderParam(
    "Content-Type",
    method === "PATCH" ? "application/merge-patch+json" : "application/json",
  );
  if (body !== undefined) request.setBody(JSON.stringify(body));
  await authenticate(request);
  const answer = await new client.IsomorphicFetchHttpLibrary().send(request).toPromise();
  const text = await answer.body.text();
  if (answer.httpStatusCode >= 300) throw new Error(`${method} ${path}: ${text}`);
  return JSON.parse(text) as Awaited<ReturnType<Call>>;
}
