import type { FlowRegistry } from "../../src/registry.ts";

/** A registry as the contract needs it; a new and empty one is opened for each test. */
export interface RegistryHarness {
  readonly registry: FlowRegistry;
  /** The same flows through another registry, as another process would open it. */
  readonly reopen: () => FlowRegistry;
  /** Resolves when `flows` shows every registration that has finished. Only `flows` may lag. */
  readonly settled: () => Promise<void>;
  /** Goes so far ahead in time that a maker which has not returned counts as dead. */
  readonly outliveMakers: () => void | Promise<void>;
  readonly close: () => void | Promise<void>;
}

/** What the contract must know of a registry before it is opened. */
export interface RegistryTraits {
  /** How many cases a property test tries. */
  readonly cases: number;
  readonly open: () => RegistryHarness | Promise<RegistryHarness>;
}
