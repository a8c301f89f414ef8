import { grpc } from "google-gax";
import type { Agent } from "../../../src/agent.ts";
import type { Backend, World } from "../../../src/backend.ts";
import { noCredentials } from "../../../src/backends/vertex/credentials.ts";
import { type Surroundings, vertexBackend } from "../../../src/backends/vertex/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import { type RequestParts, testAgent } from "../../contracts/request.ts";
import { type FakeVertex, type FakeVertexOptions, fakeVertex } from "../../fakes/vertex.ts";
import { serveGrpc, serveRest } from "../../fakes/vertex-server.ts";
import { testWorld } from "../../fakes/world.ts";

export type Transport = "rest" | "grpc";

/** A fake service that listens, and backends that speak to it. */
export interface VertexWorld {
  readonly service: FakeVertex;
  readonly agent: Agent;
  readonly open: (agent?: Partial<Agent>, world?: Partial<World>) => Backend;
  /** How long backends have slept in all. */
  readonly slept: () => number;
  readonly close: () => Promise<void>;
}

/** Starts a fake and says how to open backends on it; sleeping lets the fake's clock go on. */
export async function openWorld(
  transport: Transport,
  options: FakeVertexOptions = {},
): Promise<VertexWorld> {
  const service = fakeVertex(options);
  const server = await (transport === "rest" ? serveRest(service) : serveGrpc(service));
  const closing = new AbortController();
  let slept = 0;
  const surroundings: Partial<Surroundings> = {
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      slept += ms;
      service.advance(ms);
    },
    ...(transport === "grpc"
      ? {
          credentials: noCredentials,
          clientOptions: { sslCreds: grpc.credentials.createInsecure(), projectId: "my-project" },
        }
      : {}),
  };
  const endpoint = `${transport === "rest" ? "http://" : ""}127.0.0.1:${server.port}`;
  const agent = vertexAgent({ transport, api_endpoint: endpoint });
  return {
    service,
    agent,
    open: (parts = {}, world = {}) =>
      vertexBackend(
        { ...agent, ...parts, options: { ...agent.options, ...parts.options } },
        testWorld({ now: service.now, closing: closing.signal, ...world }),
        surroundings,
      ),
    slept: () => slept,
    close: async () => {
      closing.abort();
      await server.close();
    },
  };
}

export function vertexAgent(options: JsonObject = {}): Agent {
  return testAgent({
    name: "cloud",
    backend: "vertex",
    options: { project: "my-project", ...options },
  });
}

/** A request whose job goes as the script of its image says. */
export function runOf(script: string, parts: RequestParts = {}): RequestParts {
  return {
    ...parts,
    agent: { ...vertexAgent(), ...parts.agent },
    config: {
      type: "VertexRun",
      backend: "vertex",
      ...parts.config,
      options: { image: `fake/${script}`, ...parts.config?.options },
    },
  };
}
