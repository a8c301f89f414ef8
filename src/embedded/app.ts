import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { App, StateChange, Storage } from "../app.ts";
import { openAgents } from "../backends/open.ts";
import type { Logger } from "../log.ts";
import { observe } from "../observe.ts";
import { type ReceivingQueue, sqliteQueue } from "../queues/sqlite.ts";
import { CLOUD } from "../run.ts";
import { openSqlite, type Sqlite } from "../stores/sqlite/database.ts";
import { sqliteDispatchers } from "../stores/sqlite/dispatchers.ts";
import { sqliteRegistry } from "../stores/sqlite/flows.ts";
import { sqliteHosts } from "../stores/sqlite/hosts.ts";
import { sqliteStore } from "../stores/sqlite/runs.ts";
import { sqliteTokens } from "../stores/sqlite/tokens.ts";
import { type ConfigFile, openConfigFile } from "./config-file.ts";
import { LAUNCH_LEASE_MS, localApp, visibilityOf } from "./local-app.ts";
import { machineOn } from "./machine.ts";
import { type Presence, presenceOf } from "./presence.ts";
import { quietLog } from "./quiet-log.ts";
import { machineWorld } from "./world.ts";

/** Where the embedded shape finds things, and what it is told. */
export interface EmbeddedOptions {
  /** Folder of its data, made if need be. */
  readonly dataFolder: string;
  /** Path of `sluice.yml`. */
  readonly config: string;
  /** Whether that file must be there; without it one local agent is used. Default: false. */
  readonly configRequired?: boolean;
  /** Environment of this process: what local processes may inherit and `env:` secrets name. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory of this process. */
  readonly cwd: string;
  readonly log: Logger;
  /** Told of each change of a state made by this process. */
  changed?(change: StateChange): void;
  /** Shows a line of a run whose agent or config asks for it; only processes in the foreground do. */
  show?(runId: string, line: string): void;
  /** How long a launch belongs to who began it, in milliseconds. Default: 60,000. */
  readonly launchLeaseMs?: number;
}

/** The embedded shape: everything on one machine, in one data folder. */
export interface Embedded {
  readonly app: App;
  readonly queue: ReceivingQueue;
  readonly config: ConfigFile;
  /** Whether somebody works on the data folder for as long as they are told to. */
  readonly presence: Presence;
  /** Ends streams and timers and closes the data. Jobs go on. */
  close(): void;
}

/** The clock of this machine, and identifiers nobody else has. */
const OUTSIDE = { now: () => new Date(), newId: () => randomUUID() };

/**
 * Opens the embedded shape. Throws `PermanentError` with all faults of `sluice.yml`. What goes wrong in
 * every tick in the same way is logged once in ten minutes.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const own = ownParts(options);
  const db = openSqlite(join(options.dataFolder, "sluice.db"));
  const closing = new AbortController();
  const storage = storageIn(db);
  // Whoever has worked on this data folder before did so here.
  const othersLost = async () => true;
  const world = machineWorld(
    { ...options, log: own.log },
    {
      now: own.now,
      storage,
      machine: machineOn(() => db, OUTSIDE, othersLost),
      closing: closing.signal,
      apply: (runId, observation) => observe(app, runId, observation),
    },
  );
  const opener = openAgents(world);
  const { parse } = opener;
  const { config: path, configRequired: required = false, log } = options;
  // It tells a fault once by itself, and one that comes back at once.
  const config = await openConfigFile(path, { required, log, parse });
  const queue = sqliteQueue(db, { ...OUTSIDE, visibilityMs: visibilityOf(own.launchLeaseMs) });
  const app = localApp({ ...own, storage, opener, agents: () => config.agents, queue });
  return {
    app,
    queue,
    config,
    presence: presenceOf(app, sqliteDispatchers(db)),
    close() {
      closing.abort();
      db.close();
    },
  };
}

/** The parts of its app that come from its options, and from this machine. */
function ownParts({ log, changed, launchLeaseMs = LAUNCH_LEASE_MS }: EmbeddedOptions) {
  return {
    ...OUTSIDE,
    place: CLOUD,
    log: quietLog(log, OUTSIDE.now),
    launchLeaseMs,
    ...(changed === undefined ? {} : { changed }),
  };
}

function storageIn(db: Sqlite): Storage {
  return {
    store: sqliteStore(db),
    registry: sqliteRegistry(db, { ...OUTSIDE, sleep: (ms) => sleep(ms) }),
    tokens: sqliteTokens(db),
    hosts: sqliteHosts(db),
  };
}
