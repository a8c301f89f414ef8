import { isDeepStrictEqual } from "node:util";
import type { Agent } from "../agent.ts";
import type { Backend, BackendModule, World } from "../backend.ts";
import { parseAgent, parseConfig } from "../config.ts";
import { isJsonObject } from "../json.ts";
import { backends } from "./index.ts";

/** Reads agents and opens their backends; only backends that are used are loaded. */
export interface Agents {
  /** Reads a `sluice.yml`. Throws `PermanentError` with all its faults. */
  parse(document: unknown): Promise<readonly Agent[]>;
  /** Reads one agent that comes in a request. Throws `PermanentError` with all its faults. */
  parseOne(value: unknown): Promise<Agent>;
  /** The backend of an agent: the same for the same agent, opened when first asked for. */
  open(agent: Agent): Promise<Backend>;
}

/** How many backends are kept open for agents that come in requests. */
const KEPT_OPEN = 64;

/** Makes the agents of one process, which all see the same world. */
export function openAgents(world: World): Agents {
  const modules = new Map<string, BackendModule>();
  const opened: { readonly agent: Agent; readonly backend: Backend }[] = [];

  async function load(name: unknown): Promise<void> {
    if (typeof name !== "string" || modules.has(name) || !isBackend(name)) return;
    modules.set(name, (await backends[name]()).backend);
  }
  const optionsOf = (name: string) => modules.get(name)?.agentOptions;

  return {
    async parse(document) {
      const agents = isJsonObject(document) ? document["agents"] : undefined;
      const named = isJsonObject(agents) ? Object.values(agents) : [];
      await Promise.all(named.map((agent) => load(isJsonObject(agent) ? agent["backend"] : "")));
      return parseConfig(document, optionsOf);
    },
    async parseOne(value) {
      await load(isJsonObject(value) ? value["backend"] : undefined);
      return parseAgent("inline", value, optionsOf);
    },
    async open(agent) {
      const known = opened.find((entry) => isDeepStrictEqual(entry.agent, agent));
      if (known !== undefined) return known.backend;
      await load(agent.backend);
      const module = modules.get(agent.backend);
      if (module === undefined) throw new Error(`there is no backend ${agent.backend}`);
      const backend = module.open(agent, world);
      opened.unshift({ agent, backend });
      opened.length = Math.min(opened.length, KEPT_OPEN);
      return backend;
    },
  };
}

function isBackend(name: string): name is keyof typeof backends {
  return Object.hasOwn(backends, name);
}
