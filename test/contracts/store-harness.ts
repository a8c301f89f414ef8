import type { RunStore } from "../../src/store.ts";
import type { Timestamp } from "../../src/time.ts";

/** A store as the contract needs it; a new and empty one is opened for each test. */
export interface StoreHarness {
  readonly store: RunStore;
  /** The same runs through another store, as another process would open it. */
  readonly reopen: () => RunStore;
  /**
   * Resolves when `due` and `list` show every write that has finished. They may lag; `get` and `body`
   * never do, and a contract test calls this before it looks at the former only.
   */
  readonly settled: () => Promise<void>;
  /**
   * The next write happens, but its answer is lost on the way, and the client of the store asks again.
   * Needed where `answers` is "remote".
   */
  readonly loseNextAnswer?: () => void;
  readonly close: () => void | Promise<void>;
}

/** What the contract must know of a store before it is opened. */
export interface StoreTraits {
  /** `remote`: an answer can be lost although the write has happened. */
  readonly answers: "local" | "remote";
  /** What the store takes for the present when it lists; runs are made up to five hours before. */
  readonly now: Timestamp;
  /** How many cases a property test tries. */
  readonly cases: number;
  readonly open: () => StoreHarness | Promise<StoreHarness>;
}

/** Tries a property on stores of its own, one a case. */
export async function withStore(
  traits: StoreTraits,
  use: (harness: StoreHarness) => Promise<void>,
): Promise<void> {
  const harness = await traits.open();
  try {
    await use(harness);
  } finally {
    await harness.close();
  }
}
