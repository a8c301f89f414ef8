import type { Agent } from "../agent.ts";
import type { App, Storage } from "../app.ts";
import type { Agents } from "../backends/open.ts";
import { MINUTE } from "../time.ts";

/** When a launch on one machine is broken off, and may be taken over, in milliseconds after it began. */
export const LAUNCH_LEASE_MS = MINUTE;
/** How many times the lease of a launch its message is hidden: it comes back later than the lease ends. */
const VISIBILITY_FACTOR = 1.5;

/** How long a received message is hidden where launches have such a lease; both in milliseconds. */
export function visibilityOf(launchLeaseMs: number): number {
  return launchLeaseMs * VISIBILITY_FACTOR;
}

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
