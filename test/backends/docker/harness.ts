import type { Agent } from "../../../src/agent.ts";
import type { Backend, World } from "../../../src/backend.ts";
import { dockerBackend } from "../../../src/backends/docker/index.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { Job } from "../../../src/run.ts";
import { type RequestParts, testAgent } from "../../contracts/request.ts";
import { type FakeDocker, fakeDocker } from "../../fakes/docker.ts";
import { testWorld } from "../../fakes/world.ts";

/** The image every fake engine has. */
export const IMAGE = "etl";

/** A fake engine with backends on it. */
export interface DockerHarness {
  readonly docker: FakeDocker;
  readonly backend: Backend;
  /** Opens the backend as another process would. */
  readonly open: (world?: Partial<World>, options?: JsonObject) => Backend;
  readonly agent: Agent;
  /** A request for a container of `IMAGE` that does what `command` says. */
  readonly request: (...command: string[]) => RequestParts & { readonly agent: Agent };
  readonly unknown: Job;
  readonly close: () => Promise<void>;
}

/** Starts a fake engine and opens a backend on it. */
export async function openDocker(options: JsonObject = {}): Promise<DockerHarness> {
  const docker = await fakeDocker();
  docker.images.add(IMAGE);
  const agent = testAgent({ backend: "docker", options: { base_url: docker.url, ...options } });
  const closing = new AbortController();
  const open = (world: Partial<World> = {}, more: JsonObject = {}) =>
    dockerBackend(
      { ...agent, options: { ...agent.options, ...more } },
      testWorld({ now: () => docker.now, closing: closing.signal, ...world }),
      "linux",
    );
  const ref = { container: "0123456789ab".repeat(5), name: "sluice-never-1", target: docker.url };
  return {
    docker,
    backend: open(),
    open,
    agent,
    request: (...command) => ({ agent, command, config: { options: { image: IMAGE } } }),
    unknown: { backend: "docker", id: "0123456789ab", ref },
    async close() {
      closing.abort();
      await docker.close();
    },
  };
}
