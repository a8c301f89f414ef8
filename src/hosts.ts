import { between, MINUTE, SECOND, type Timestamp } from "./time.ts";

/** How often a host says that it is at work. */
export const BEAT_EVERY_MS = 15 * SECOND;

/**
 * How often a host ticks. A tick asks each of the 16 shards of the table for due runs. Ends of local processes
 * and containers are told by themselves, so this is how long a new run or a cancellation may go unnoticed.
 */
export const HOST_TICK_MS = 5 * SECOND;

/** A host that was not seen for so long is offline, and another one may take its place. */
export const OFFLINE_AFTER_MS = MINUTE;

/**
 * A host that was not seen for so long is lost, and so are its jobs. Long enough for a machine to boot
 * anew, or for a network to come back: jobs outlive their host, and a run that was given up while its job
 * went on is worse than one whose end is known some minutes late.
 */
export const LOST_AFTER_MS = 10 * MINUTE;

/** What a run that waits says of a host may be so old: every message for its agent would else read it. */
export const SAID_FOR_MS = 5 * SECOND;

/** The process that works for one remote agent. */
export interface AgentHost {
  /** The agent it works for. */
  readonly agent: string;
  /** Tells hosts apart: the same for every process on one data folder, and so after a restart. */
  readonly id: string;
  /** What its machine is called, for people. */
  readonly machine: string;
  /** The version of Sluice it runs. */
  readonly version: string;
  readonly startedAt: Timestamp;
  /** When it last said that it is at work, by the clock of its machine. */
  readonly lastSeen: Timestamp;
  /** The host whose place it has taken, as it was then. No host before that one was seen later. */
  readonly before?: Pick<AgentHost, "id" | "machine" | "lastSeen">;
}

/** What a host says of itself. */
export type Beat = Omit<AgentHost, "before">;

/** PORT. The hosts of remote agents; the last one of each agent is kept for ever. */
export interface AgentHosts {
  /**
   * Notes that a host is at work as of its `lastSeen`, and returns the host of that agent as it is noted
   * then. That is another one if another one has been seen less than `OFFLINE_AFTER_MS` before; nothing
   * is changed then. A host that takes the place of another one remembers it as `before`.
   */
  beat(host: Beat): Promise<AgentHost>;

  /** The host of each agent that ever had one, by name of the agent. Never older than the newest beat. */
  list(): Promise<readonly AgentHost[]>;

  /**
   * The host that works, or last worked, for an agent; undefined if there never was one. Never older than
   * the newest beat, unless it may be as it was up to `maxAgeMs` milliseconds ago: then many may ask.
   */
  get(agent: string, maxAgeMs?: number): Promise<AgentHost | undefined>;
}

/** Whether a host is at work, as far as is known. Pure. */
export function isOnline(host: AgentHost, now: Timestamp): boolean {
  return between(host.lastSeen, now) < OFFLINE_AFTER_MS;
}

/** Whether a host has been away for so long that its jobs are given up. Pure. */
export function isLost({ lastSeen }: Pick<AgentHost, "lastSeen">, now: Timestamp): boolean {
  return between(lastSeen, now) >= LOST_AFTER_MS;
}

/**
 * Whether the jobs of all hosts of an agent but one are given up: the one that works for it now, if that
 * is another one, and the one before it, are lost. Pure.
 */
export function areOthersLost(host: AgentHost | undefined, id: string, now: Timestamp): boolean {
  if (host === undefined) return true;
  const { before } = host;
  return [host, ...(before === undefined ? [] : [before])].every(
    (other) => other.id === id || isLost(other, now),
  );
}

/** What a run in the place of an agent waits for, for people. Pure; the same while nothing changes. */
export function waitsForHost(agent: string, host: AgentHost | undefined, now: Timestamp): string {
  const remedy = `run \`sluice agent ${agent}\` on its machine`;
  if (host === undefined) {
    return `waits for the host of agent ${agent}, which was never seen: ${remedy}`;
  }
  if (isOnline(host, now)) return `waits for the host of agent ${agent} on ${host.machine}`;
  return `waits for the host of agent ${agent} on ${host.machine}, ${unseen(host)}: ${remedy}`;
}

/** Since when a host that is offline has not been seen, for people. Pure. */
export function unseen({ lastSeen }: AgentHost): string {
  return `unseen since ${lastSeen}`;
}
