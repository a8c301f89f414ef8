import type { Once } from "../registry.ts";
import { plus, type Timestamp, timestamp } from "../time.ts";

/** What `once` needs from outside, and how patient it is. */
export interface OnceOptions {
  now(): Date;
  /** A new identifier nobody else has. */
  newId(): string;
  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void>;
  /**
   * How long a maker is believed to be alive, in milliseconds; then another one takes over. It must be
   * longer than any making takes and clocks may differ, or something may be made twice. Default: 60,000.
   */
  readonly leaseMs?: number;
  /** How long a caller waits for other makers before it throws, in milliseconds. Default: 180,000. */
  readonly waitMs?: number;
}

/** The default of `leaseMs`. */
export const LEASE_MS = 60_000;
const WAIT_MS = 180_000;

/** One call of `once`. `by` is the fence: whatever the call writes later, it writes under this name. */
export interface OnceCall {
  readonly key: string;
  readonly by: string;
}

/** What a caller finds: the value, its own right to make it, or that others are at it. */
export type Claim =
  | { readonly type: "made"; readonly value: string }
  | { readonly type: "ours" }
  | { readonly type: "others" };

/** What a store keeps for `once`. */
export interface OnceStorage {
  /** Claims the right to make a value until a moment, if nobody else has it now. */
  claim(
    call: OnceCall,
    term: { readonly now: Timestamp; readonly until: Timestamp },
  ): Promise<Claim>;
  /** Stores a value unless there is one, and returns the one that is stored. */
  keep(call: OnceCall, value: string): Promise<string>;
  /** Ends the claim of this very call, if nothing was made under it. */
  giveBack(call: OnceCall): Promise<void>;
  /** How long a caller waits before it looks again whether the value is there, in milliseconds. */
  pauseMs(): number;
}

/**
 * Makes a value once for all processes that share a store: whoever writes the claim makes it, the others
 * look again and again. A maker that fails gives its claim back, one that died loses it with the lease. If
 * two make the same after all, everybody gets the value that was stored first.
 */
export function onceOver(storage: OnceStorage, options: OnceOptions): Once {
  const { leaseMs = LEASE_MS, waitMs = WAIT_MS } = options;
  const now = () => timestamp(options.now());
  return async (key, make) => {
    const call = { key, by: options.newId() };
    const giveUp = plus(now(), waitMs);
    for (;;) {
      const began = now();
      const claim = await storage.claim(call, { now: began, until: plus(began, leaseMs) });
      if (claim.type === "made") return claim.value;
      if (claim.type === "ours") return await makeAndKeep(storage, call, make);
      if (now() >= giveUp) {
        throw new Error(`${key} is still being made by others after ${waitMs} ms: try again later`);
      }
      await options.sleep(storage.pauseMs());
    }
  };
}

async function makeAndKeep(
  { keep, giveBack }: OnceStorage,
  call: OnceCall,
  make: () => Promise<string>,
): Promise<string> {
  let value: string;
  try {
    value = await make();
  } catch (error) {
    // Why making failed matters more than a claim that could not be given back: that ends by itself.
    await Promise.allSettled([giveBack(call)]);
    throw error;
  }
  return await keep(call, value);
}
