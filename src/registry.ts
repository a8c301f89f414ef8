import type { Flow } from "./flow.ts";
import type { Page } from "./store.ts";
import type { Timestamp } from "./time.ts";

/** A flow as registered: `version` counts the changes of its content. */
export interface RegisteredFlow {
  readonly name: string;
  readonly version: number;
  readonly flow: Flow;
  readonly registeredAt: Timestamp;
}

/**
 * Makes something once for a key, however many processes ask at the same time, and remembers it.
 *
 * The first caller makes it while the others wait; if making throws, the next caller tries. The value
 * is kept for ever.
 */
export type Once = (key: string, make: () => Promise<string>) => Promise<string>;

/** PORT. Flows by name and version, and whatever else exists once. */
export interface FlowRegistry {
  /** Stores a flow; a new version is made only when its content differs from the newest one. */
  register(flow: Flow, now: Timestamp): Promise<RegisteredFlow>;

  /** A flow by name; the newest version unless one is given. */
  flow(name: string, version?: number): Promise<RegisteredFlow | undefined>;

  /** The newest version of each flow, by name. */
  flows(query: {
    readonly limit?: number;
    readonly cursor?: string;
  }): Promise<Page<RegisteredFlow>>;

  readonly once: Once;
}
