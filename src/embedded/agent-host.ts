import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Agent, agentNamed } from "../agent.ts";
import type { App, Storage } from "../app.ts";
import type { Machine } from "../backend.ts";
import { openAgents } from "../backends/open.ts";
import { PermanentError } from "../errors.ts";
import { areOthersLost, HOST_TICK_MS } from "../hosts.ts";
import { observe } from "../observe.ts";
import { placeBesideFunctions } from "../place.ts";
import { type ReceivingQueue, sqliteQueue } from "../queues/sqlite.ts";
import { CLOUD } from "../run.ts";
import { openSqlite } from "../stores/sqlite/database.ts";
import { timestamp } from "../time.ts";
import type { EmbeddedOptions } from "./app.ts";
import { type ConfigFile, openConfigFile } from "./config-file.ts";
import { heartbeat, keepBeating } from "./heartbeat.ts";
import { LAUNCH_LEASE_MS, localApp, visibilityOf } from "./local-app.ts";
import { runLoop } from "./loop.ts";
import { machineOn } from "./machine.ts";
import { machineWorld } from "./world.ts";

/** What the host of a remote agent is told. `config` names the `sluice.yml` of this machine. */
export interface AgentHostOptions
  extends Pick<EmbeddedOptions, "config" | "dataFolder" | "env" | "cwd" | "log" | "show"> {
  /** The agent to work for. */
  readonly agent: string;
  /** The deployment it works for, by the name of its table: jobs are marked with it. */
  readonly installation: string;
  /** What the cloud and its agent hosts share. */
  readonly storage: Storage;
  /** The version of this program, for people. */
  readonly version: string;
  /** Default: the clock of the machine. */
  now?(): Date;
}

/** The host of one remote agent: the embedded loop over the store of the cloud. */
export interface AgentHostProcess {
  readonly app: App;
  readonly queue: ReceivingQueue;
  /**
   * Works until `signal` is aborted, then finishes what is in hand. Whatever is left is in the store and on
   * the queue of the data folder; jobs go on. Throws `PermanentError` ("conflict") if another host works
   * for the agent, at once or later.
   */
  work(signal: AbortSignal): Promise<void>;
  /** Ends streams and timers and closes the data folder. Jobs go on. */
  close(): void;
}

/** With the growing delay between two deliveries, a store away for a quarter of an hour kills no run. */
const MOST_DELIVERIES = 30;

/**
 * Opens the host of an agent. Calls nothing. Throws `PermanentError` with all faults of `sluice.yml`, if
 * it has no such agent, or if functions work for the agent.
 */
export async function openAgentHost(options: AgentHostOptions): Promise<AgentHostProcess> {
  const own = ownParts(options);
  const { place: name, storage, log, now } = own;
  const closing = new AbortController();
  const othersLost = async (id: string) =>
    areOthersLost(await storage.hosts.get(name), id, timestamp(now()));
  const machine = machineOn(() => db, own, othersLost);
  const world = machineWorld(options, {
    now,
    storage,
    machine,
    closing: closing.signal,
    apply: (runId, observation) => observe(app, runId, observation),
  });
  const opener = openAgents(world);
  const { parse } = opener;
  const config = await openConfigFile(options.config, { required: true, log, parse });
  checkAgent(name, config.agents);
  const db = openSqlite(join(options.dataFolder, `agent-${name}.db`));
  const queue = sqliteQueue(db, {
    now,
    newId: own.newId,
    visibilityMs: visibilityOf(own.launchLeaseMs),
    maxReceives: MOST_DELIVERIES,
  });
  const agents = () => config.agents.filter((agent) => agent.name === name);
  const app = localApp({ ...own, opener, agents, queue });
  return {
    app,
    queue,
    work: (signal) => work({ app, queue, config, machine, version: options.version }, signal),
    close() {
      closing.abort();
      db.close();
    },
  };
}

/** The parts of its app that come from its options, and from this machine. */
function ownParts({ agent, storage, log, now = () => new Date() }: AgentHostOptions) {
  return {
    now,
    newId: () => randomUUID(),
    place: agent,
    storage,
    log,
    launchLeaseMs: LAUNCH_LEASE_MS,
  };
}

function checkAgent(name: string, agents: readonly Agent[]): void {
  const agent = agentNamed(agents, name);
  if (agent === undefined) {
    const names = agents.map((known) => known.name).join(", ") || "none";
    throw new PermanentError("not_found", `sluice.yml has no agent ${name}: it has ${names}`);
  }
  if (name === CLOUD) {
    throw new PermanentError("invalid", `an agent called ${CLOUD} cannot be remote: rename it`);
  }
  if (placeBesideFunctions(agent) === CLOUD) {
    throw new PermanentError(
      "unsupported",
      `the functions of the deployment work for agent ${name} (backend ${agent.backend}): to have this machine work for it, set \`remote: true\` here and in the deployment's sluice.yml`,
    );
  }
}

interface Host extends Pick<AgentHostProcess, "app" | "queue"> {
  readonly config: ConfigFile;
  readonly machine: Machine;
  readonly version: string;
}

async function work({ app, queue, config, machine, version }: Host, signal: AbortSignal) {
  const id = await machine.id();
  const startedAt = timestamp(app.now());
  const name = hostname();
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const heart = heartbeat(app, { agent: app.place, id, machine: name, version, startedAt }, stop);
  await heart.keep();
  app.log.info("started", { agent: app.place, machine: name });
  // Nothing is asked or launched for an agent whose host is somebody else by now.
  const workplace = { app, queue, config, tickMs: HOST_TICK_MS, beforeWork: heart.keep };
  const beating = keepBeating(app, heart, stop).finally(() => over.abort());
  const [beats] = await Promise.allSettled([beating, runLoop(workplace, stop)]);
  await heart.told();
  if (beats.status === "rejected") throw beats.reason;
  app.log.info("stopped", { agent: app.place });
}
