import { setTimeout as sleep } from "node:timers/promises";

/** Sleeps for `ms` milliseconds, but no longer than until `signal` is aborted. Never throws. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
