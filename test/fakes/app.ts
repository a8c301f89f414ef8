import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "../../src/agent.ts";
import type { App, StateChange } from "../../src/app.ts";
import { PermanentError } from "../../src/errors.ts";
import type { LogFields } from "../../src/log.ts";
import { type ReceivingQueue, sqliteQueue } from "../../src/queues/sqlite.ts";
import { CLOUD } from "../../src/run.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { sqliteRegistry } from "../../src/stores/sqlite/flows.ts";
import { sqliteHosts } from "../../src/stores/sqlite/hosts.ts";
import { sqliteStore } from "../../src/stores/sqlite/runs.ts";
import { sqliteTokens } from "../../src/stores/sqlite/tokens.ts";
import { testAgent as plainAgent } from "../contracts/request.ts";
import { type TestClock, testClock } from "./clock.ts";
import { type TestPlatform, testPlatform } from "./platform.ts";
import { type QueueCounts, queueCounts } from "./queue-counts.ts";

/** An app on a store in memory, a platform in memory and a clock that stands still. */
export interface TestApp {
  readonly app: App;
  readonly queue: ReceivingQueue & { counts(): Promise<QueueCounts> };
  readonly clock: TestClock;
  readonly platform: TestPlatform;
  readonly lines: readonly {
    readonly level: string;
    readonly message: string;
    readonly fields: LogFields;
  }[];
  readonly changes: readonly StateChange[];
  /** Replaces the agents, as a new `sluice.yml` would. */
  setAgents(...agents: readonly Partial<Agent>[]): void;
}

/** An agent of the test platform; without labels unless some are given. */
export function testAgent(agent: Partial<Agent> = {}): Agent {
  return plainAgent({ name: "here", backend: "test", ...agent });
}

export function testApp(overrides: Partial<App> = {}): TestApp {
  const clock = testClock();
  const platform = testPlatform();
  const db = openSqlite(":memory:");
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const changes: StateChange[] = [];
  let agents: readonly Agent[] = [testAgent()];
  let ids = 0;
  const newId = () => `id-${++ids}`;
  const now = () => clock.now();
  const queue = sqliteQueue(db, { now, newId, visibilityMs: 90_000 });
  const log =
    (level: string) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  const app: App = {
    place: CLOUD,
    get agents() {
      return agents;
    },
    backend: async () => platform.backend,
    agentFrom: async () => {
      throw new PermanentError("invalid", "no agents in requests here");
    },
    placeOf: (agent) => (agent.remote ? agent.name : CLOUD),
    store: sqliteStore(db),
    registry: sqliteRegistry(db, { now, newId, sleep: (ms) => sleep(ms) }),
    tokens: sqliteTokens(db),
    hosts: sqliteHosts(db),
    queue,
    log: { info: log("info"), warn: log("warn"), error: log("error") },
    now,
    random: () => 1,
    newId,
    timeout: () => new AbortController().signal,
    launchLeaseMs: 60_000,
    looks: () => true,
    changed: (change) => void changes.push(change),
    ...overrides,
  };
  return {
    app,
    queue: { ...queue, counts: async () => queueCounts(db, now()) },
    clock,
    platform,
    lines,
    changes,
    setAgents: (...next) => {
      agents = next.map(testAgent);
    },
  };
}
