import { isDeepStrictEqual } from "node:util";
import type { Agent } from "../agent.ts";
import type { Backend, BackendModule, World } from "../backend.ts";
import { parseAgent, parseConfig } from "../config.ts";
import { isJsonObject } from "../json.ts";
import { backends } from "./index.ts";

/** Reads agents; only backends that are named are loaded. */
export interface AgentReader {
  /** Reads a `sluice.yml`. Throws `PermanentError` with all its faults. */
  parse(document: unknown): Promise<readonly Agent[]>;
  /** Reads one agent that comes in a request. Throws `PermanentError` with all its faults. */
  parseOne(value: unknown): Promise<Agent>;
}

/** Reads agents and opens their backends; only backends that are used are loaded. */
export interface Agents extends AgentReader {
  /** The backend of an agent: the same for the same agent, opened when first asked for. */
  open(agent: Agent): Promise<Backend>;
}

/** How many backends are kept open for agents that come in requests. */
const KEPT_OPEN = 64;

/** Makes a reader of agents for whoever opens no backend. */
export function agentReader(): AgentReader {
  return readerWith(loader());
}

/** Makes the agents of one process, which all see the same world. */
export function openAgents(world: World): Agents {
  const modules = loader();
  const opened: { readonly agent: Agent; readonly backend: Backend }[] = [];
  return {
    ...readerWith(modules),
    async open(agent) {
      const known = opened.find((entry) => isDeepStrictEqual(entry.agent, agent));
      if (known !== undefined) return known.backend;
      await modules.load(agent.backend);
      const module = modules.loaded(agent.backend);
      if (module === undefined) throw new Error(`there is no backend ${agent.backend}`);
      const backend = module.open(agent, world);
      opened.unshift({ agent, backend });
      opened.length = Math.min(opened.length, KEPT_OPEN);
      return backend;
    },
  };
}

function readerWith({ load, loaded }: Loader): AgentReader {
  const optionsOf = (name: string) => loaded(name)?.agentOptions;
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
  };
}

/** Loads the modules of backends, each once. */
interface Loader {
  /** Does nothing for a name that is none of a backend. */
  load(name: unknown): Promise<void>;
  /** The module of a backend that was loaded before. */
  loaded(name: string): BackendModule | undefined;
}

function loader(): Loader {
  const modules = new Map<string, BackendModule>();
  return {
    async load(name) {
      if (typeof name !== "string" || modules.has(name) || !isBackend(name)) return;
      modules.set(name, (await backends[name]()).backend);
    },
    loaded: (name) => modules.get(name),
  };
}

function isBackend(name: string): name is keyof typeof backends {
  return Object.hasOwn(backends, name);
}
