import type { Agent } from "../agent.ts";
import type { App } from "../app.ts";
import type { Agents } from "../backends/open.ts";

/** Where runs and what belongs to them are kept. */
export type Storage = Pick<App, "store" | "registry" | "tokens" | "hosts">;

/** What the app of a process on one machine is made of. */
export interface LocalParts
  extends Pick<App, "place" | "now" | "newId" | "queue" | "log" | "launchLeaseMs" | "changed"> {
  readonly storage: Storage;
  readonly opener: Pick<Agents, "open" | "parseOne">;
  /** The agents it works for, as its file has them now. */
  agents(): readonly Agent[];
}

/** The app of a process on one machine: it works for its own place, whichever agent a run goes to. */
export function localApp({ storage, opener, agents, ...given }: LocalParts): App {
  return {
    ...storage,
    ...given,
    get agents() {
      return agents();
    },
    backend: opener.open,
    agentFrom: opener.parseOne,
    placeOf: () => given.place,
    random: Math.random,
    timeout: (ms) => AbortSignal.timeout(ms),
    // A look costs nothing here, and people wait for the end of their runs.
    looks: () => true,
  };
}
