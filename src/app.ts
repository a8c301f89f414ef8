import type { Agent } from "./agent.ts";
import type { Backend } from "./backend.ts";
import type { AgentHosts } from "./hosts.ts";
import type { Logger } from "./log.ts";
import type { Queue } from "./queue.ts";
import type { FlowRegistry } from "./registry.ts";
import type { Place, Run, RunState } from "./run.ts";
import type { RunStore } from "./store.ts";
import type { Timestamp } from "./time.ts";
import type { TokenStore } from "./tokens.ts";

/** Everything the core needs from outside, as one value. Each shape builds one. */
export interface App {
  /** Who this process works as. */
  readonly place: Place;
  /** The agents of `sluice.yml`, in its order. */
  readonly agents: readonly Agent[];
  /** The backend of an agent, opened when it is first asked for. */
  backend(agent: Agent): Promise<Backend>;
  /** Reads an agent that comes in a request instead of `sluice.yml`; throws `PermanentError`. */
  agentFrom(value: unknown): Promise<Agent>;
  /** Who works for an agent: this place's own loop, or the host of a remote one. */
  placeOf(agent: Agent): Place;
  readonly store: RunStore;
  readonly registry: FlowRegistry;
  readonly tokens: TokenStore;
  readonly hosts: AgentHosts;
  readonly queue: Queue;
  readonly log: Logger;
  now(): Date;
  /** A random number from 0 up to 1. */
  random(): number;
  /** A new identifier nobody else has: a UUID. */
  newId(): string;
  /** A signal that is aborted after `ms` milliseconds. */
  timeout(ms: number): AbortSignal;
  /** How long a launch belongs to who began it: longer than a handler may live. */
  readonly launchLeaseMs: number;
  /** Whether a tick asks about a run whose job is known; see `looks` in `due.ts`. */
  looks(run: Run, now: Timestamp): boolean;
  /** Told of each change of a state after it is stored. */
  changed?(change: StateChange): void;
  /** Told of each part of a tick that failed, after it is logged: an agent, a run, or a batch of messages. */
  partFailed?(): void;
}

/** Where runs and what belongs to them are kept. */
export type Storage = Pick<App, "store" | "registry" | "tokens" | "hosts">;

/** A run as it is now, and the state it came from. */
export interface StateChange {
  readonly run: Run;
  readonly from?: RunState["type"];
}
