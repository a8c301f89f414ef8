import { randomUUID } from "node:crypto";
import type { Agent } from "../../../src/agent.ts";
import type { Backend, World } from "../../../src/backend.ts";
import { addressOf, targetOf } from "../../../src/backends/docker/address.ts";
import { type DockerApi, dockerApi } from "../../../src/backends/docker/api.ts";
import { dockerBackend } from "../../../src/backends/docker/index.ts";
import { openTransport } from "../../../src/backends/docker/transport.ts";
import { testAgent } from "../../contracts/request.ts";
import { testWorld } from "../../fakes/world.ts";

/** The image `scripts/test/docker-engine.sh` makes: busybox and nothing else. */
export const IMAGE = "sluice-test:1";

/** The engine under test, and what one test makes on it. */
export interface RealEngine {
  readonly target: string;
  readonly api: DockerApi;
  /** An agent of this test alone: its containers are found by its name. */
  readonly agent: Agent;
  /** Opens the backend as another process would. */
  readonly open: (world?: Partial<World>, agent?: Partial<Agent>) => Backend;
  /** How many containers of this test have been started. */
  readonly started: () => Promise<number>;
  readonly removeVolume: (name: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens the engine at `DOCKER_HOST`. Fails, and never skips, if there is none. */
export async function openRealEngine(): Promise<RealEngine> {
  const url = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  const address = addressOf(url);
  if (typeof address === "string") throw new Error(`DOCKER_HOST: ${address}, got ${url}`);
  const transport = openTransport(address, 30);
  const api = dockerApi(transport);
  if (!(await api.hasImage(IMAGE, AbortSignal.timeout(30_000)))) {
    throw new Error(
      `the engine at ${url} has no image ${IMAGE}: run scripts/test/docker-engine.sh start`,
    );
  }
  const agent = testAgent({
    name: `test-${randomUUID().slice(0, 8)}`,
    backend: "docker",
    options: { base_url: url, stop_seconds: 0 },
  });
  const closing = new AbortController();
  const containers = () => api.list({ label: [`sluice.agent=${agent.name}`] });
  return {
    target: targetOf(address),
    api,
    agent,
    open: (world = {}, parts = {}) =>
      dockerBackend(
        { ...agent, ...parts },
        testWorld({ now: () => new Date(), closing: closing.signal, ...world }),
      ),
    started: async () => (await containers()).filter(({ State }) => State !== "created").length,
    async removeVolume(name) {
      await transport.ask({ method: "DELETE", path: `/volumes/${name}` });
    },
    async close() {
      closing.abort();
      for (const { Id } of await containers()) {
        await api.stop(Id, 0);
        await api.remove(Id);
      }
    },
  };
}
