import type { LaunchAnswer, World } from "./backend.ts";
import { boundedMap } from "./bounded.ts";
import { type Bucket, FULL, halve, isFull, type Rate, shareOf, take } from "./rate.ts";
import { SECOND } from "./time.ts";

/**
 * What one process has launched lately on each target of each backend. Nothing is counted together with
 * other processes: each keeps to its share of what a platform takes.
 */
export interface LaunchRates {
  /** How many processes launch side by side. */
  readonly processes: number;
  /** The bucket of a target as it is now. */
  get(name: string): Bucket;
  put(name: string, bucket: Bucket): void;
  now(): number;
}

/** What `LaunchRates` is made with. */
export interface LaunchRatesOptions {
  /** How many processes launch side by side; each gets its share. */
  readonly processes: number;
  now(): Date;
}

/** So many targets are remembered; a run may name a cluster of its own. */
const MAX_TARGETS = 1_000;

/** Makes the buckets of one process, all of them full. */
export function launchRates({ processes, now }: LaunchRatesOptions): LaunchRates {
  const buckets = boundedMap<Bucket>(MAX_TARGETS);
  const time = () => now().getTime();
  return {
    processes,
    now: time,
    get: (name) => buckets.get(name) ?? FULL,
    put(name, bucket) {
      if (isFull(bucket, time())) buckets.delete(name);
      else buckets.put(name, bucket);
    },
  };
}

/**
 * Keeps the launches of one agent below a rate: launches when there is a token for the target. One that
 * comes soon is waited for. Else, and when the signal is aborted meanwhile, the answer is `throttled` and
 * nothing was asked. When the platform itself answers `throttled`, the rate is halved.
 */
export type LaunchLimit = (
  on: { readonly target: string; readonly signal: AbortSignal },
  launch: () => Promise<LaunchAnswer>,
) => Promise<LaunchAnswer>;

/** What a limit is made of. */
export interface LimitOptions {
  readonly backend: string;
  /** What the platform takes from all processes together. */
  readonly rate: Rate;
  /** The agent's option that sets it, for people. */
  readonly option: string;
  /** Waits; rejects as soon as the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<unknown>;
}

/** How long a launch waits for its token: much shorter than anybody may take a launch over. */
const PATIENCE_MS = 10 * SECOND;

/** The limit of one agent. Agents of a process share the tokens of a target, whatever rate each sets. */
export function launchLimit(
  { launchRates: rates }: Pick<World, "launchRates">,
  options: LimitOptions,
): LaunchLimit {
  const rate = shareOf(options.rate, rates.processes);
  return async ({ target, signal }, launch) => {
    const name = `${options.backend} ${target}`;
    const taken = take(rates.get(name), rate, { now: rates.now(), patienceMs: PATIENCE_MS });
    rates.put(name, taken.bucket);
    if (!taken.taken || !(await waited(options, taken.waitMs, signal))) {
      const next = `the next in ${Math.ceil(taken.waitMs / SECOND)} s`;
      return { type: "throttled", message: `${limitText(options, rates)} in ${target}; ${next}` };
    }
    const sent = rates.now();
    const answer = await launch();
    if (answer.type === "throttled") {
      rates.put(name, halve(rates.get(name), rate, { now: rates.now(), sent }));
    }
    return answer;
  };
}

/** False when the signal came first. */
async function waited({ sleep }: LimitOptions, ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms <= 0) return true;
  try {
    await sleep(ms, signal);
    // A process that was frozen wakes up here first; one more turn lets the signal speak.
    await sleep(0, signal);
    return !signal.aborted;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

function limitText({ rate, option, backend }: LimitOptions, { processes }: LaunchRates): string {
  const { launches, per } = shareOf(rate, processes);
  const shared = processes > 1 ? `, shared by ${processes} processes` : "";
  return `this process may launch ${Number(launches.toFixed(3))} ${backend} jobs a ${per} (${option}: ${rate.launches}${shared})`;
}
