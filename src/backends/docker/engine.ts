import type { World } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import { MINUTE, SECOND } from "../../time.ts";
import { type Address, addressOf, partsOf } from "./address.ts";
import { type DockerApi, dockerApi } from "./api.ts";
import { reportEnds } from "./events.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { type Look, openInspector } from "./inspect.ts";
import { tidier } from "./tidy.ts";
import { openTransport } from "./transport.ts";

/** One engine, with what this process remembers of it. */
export interface DockerEngine {
  readonly api: DockerApi;
  readonly identity: Identity;
  /** The version of the engine, or why it does not say: that once, until it has said it again. */
  version(): Promise<{ readonly version?: string; readonly warning?: string }>;
  /** What containers are about, by id. */
  inspect(ids: readonly string[]): Promise<ReadonlyMap<string, Look>>;
  /** Removes containers of the agent that remove themselves and whose end is stored, until it is aborted. */
  tidy(signal: AbortSignal): Promise<void>;
  /** Begins to report the end of the agent's containers, if somebody wants to know; once. */
  listen(): void;
}

/** Engines get new versions now and then, and a plan should not ask each time. */
const VERSION_KEPT_MS = 10 * MINUTE;
/** A plan does without the version if the engine is slow to say it. */
const VERSION_WAIT_MS = 10 * SECOND;

/**
 * Opens engines for an agent by their target, each address once, whoever listens there. Calls nothing.
 */
export function openEngines(
  agent: string,
  world: World,
  timeoutSeconds: number,
): (target: string) => DockerEngine {
  const engines = new Map<string, DockerEngine>();
  return (target) => {
    const { url } = partsOf(target);
    const known = engines.get(url);
    if (known !== undefined) return known;
    const address = addressOf(url);
    if (typeof address === "string")
      throw new PermanentError("invalid", `${address}, got ${target}`);
    const api = dockerApi(openTransport(address, timeoutSeconds));
    const engine = openEngine(api, { agent, address, world });
    engines.set(url, engine);
    return engine;
  };
}

interface Opening {
  readonly agent: string;
  readonly address: Address;
  readonly world: World;
}

function openEngine(api: DockerApi, { agent, address, world }: Opening): DockerEngine {
  const identity = openIdentity(api, address, world);
  let known: { readonly version: string; readonly at: number } | undefined;
  let warned = false;
  let listens = false;
  return {
    api,
    identity,
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
    inspect: openInspector(api, world),
    tidy: tidier(api, agent, world),
    listen() {
      if (listens || world.observe === undefined) return;
      listens = true;
      void reportEnds({ ...api, nameTarget: identity.target }, agent, world);
    },
  };
}
