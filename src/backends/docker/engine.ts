import type { World } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import type { JobStatus } from "../../run.ts";
import { MINUTE, SECOND } from "../../time.ts";
import { addressOf } from "./address.ts";
import { type DockerApi, dockerApi } from "./api.ts";
import { reportEnds } from "./events.ts";
import { openInspector } from "./inspect.ts";
import { openSweeper } from "./sweep.ts";
import { openTransport } from "./transport.ts";

/** One engine, with what this process remembers of it. */
export interface Engine {
  readonly api: DockerApi;
  /** The version of the engine, or why it does not say: that once, until it has said it again. */
  version(): Promise<{ readonly version?: string; readonly warning?: string }>;
  /** What containers are about, by id. Removes the agent's that ended long ago and remove themselves. */
  inspect(ids: readonly string[]): Promise<ReadonlyMap<string, JobStatus>>;
  /** Begins to report the end of the agent's containers, if somebody wants to know; once. */
  listen(): void;
}

/** Engines get new versions now and then, and a plan should not ask each time. */
const VERSION_KEPT_MS = 10 * MINUTE;
/** A plan does without the version if the engine is slow to say it. */
const VERSION_WAIT_MS = 10 * SECOND;

/** Opens engines for an agent by their address, each once. Calls nothing. */
export function openEngines(
  agent: string,
  world: World,
  timeoutSeconds: number,
): (target: string) => Engine {
  const engines = new Map<string, Engine>();
  return (target) => {
    const known = engines.get(target);
    if (known !== undefined) return known;
    const address = addressOf(target);
    if (typeof address === "string")
      throw new PermanentError("invalid", `${address}, got ${target}`);
    const engine = openEngine(dockerApi(openTransport(address, timeoutSeconds)), agent, world);
    engines.set(target, engine);
    return engine;
  };
}

function openEngine(api: DockerApi, agent: string, world: World): Engine {
  const statuses = openInspector(api);
  const sweep = openSweeper(api, agent, world);
  let known: { readonly version: string; readonly at: number } | undefined;
  let warned = false;
  let listens = false;
  return {
    api,
    async version() {
      const now = world.now().getTime();
      if (known !== undefined && now - known.at < VERSION_KEPT_MS)
        return { version: known.version };
      try {
        known = { version: await api.version(AbortSignal.timeout(VERSION_WAIT_MS)), at: now };
        warned = false;
        return { version: known.version };
      } catch (error) {
        // A launch that waits for its engine is planned again with every try.
        if (warned) return {};
        warned = true;
        return {
          warning: `planned for a new Docker engine, because it does not say its version: ${messageOf(error)}`,
        };
      }
    },
    async inspect(ids) {
      const answers = await statuses(ids);
      await sweep(ids);
      return answers;
    },
    listen() {
      if (listens || world.observe === undefined) return;
      listens = true;
      void reportEnds(api, agent, world);
    },
  };
}
