import type { App } from "../../src/app.ts";
import { dispatch } from "../../src/dispatch.ts";
import { turn } from "../../src/embedded/loop.ts";
import type { AgentHost } from "../../src/hosts.ts";
import { poll } from "../../src/poll.ts";
import { sqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite } from "../../src/stores/sqlite/database.ts";
import { timestamp } from "../../src/time.ts";
import { testAgent, testApp } from "./app.ts";
import { type TestPlatform, testPlatform } from "./platform.ts";

/** A cloud and the host of its remote agent `lab`: one store, one clock, two of everything else. */
export interface TwoPlaces {
  readonly cloud: ReturnType<typeof testApp>;
  readonly host: {
    readonly app: App;
    readonly platform: TestPlatform;
    /** Says that the host is at work. */
    beat(parts?: Partial<AgentHost>): Promise<AgentHost>;
    /** One beat, then turns until nothing is left to do. */
    work(): Promise<void>;
  };
  /** One tick of the cloud. */
  tick(): Promise<void>;
}

/** Opens both; the cloud has no backend at all, so it fails as soon as it asks for a job of the host. */
export function twoPlaces(): TwoPlaces {
  const cloud = testApp({
    backend: async () => {
      throw new Error("the cloud has no business with jobs of a remote agent");
    },
  });
  cloud.setAgents({ name: "lab", remote: true });
  const platform = testPlatform();
  const { now, newId } = cloud.app;
  const queue = sqliteQueue(openSqlite(":memory:"), { now, newId, visibilityMs: 90_000 });
  const app: App = {
    ...cloud.app,
    place: "lab",
    agents: [testAgent({ name: "lab", remote: true })],
    placeOf: ({ name }) => name,
    backend: async () => platform.backend,
    queue,
  };
  const startedAt = timestamp(now());
  const beat = (parts: Partial<AgentHost> = {}) =>
    app.hosts.beat({
      agent: "lab",
      id: "bench-1",
      machine: "bench",
      version: "0.1.0",
      startedAt,
      lastSeen: timestamp(now()),
      ...parts,
    });
  return {
    cloud,
    host: {
      app,
      platform,
      beat,
      async work() {
        await beat();
        await turn({ app, queue });
        while ((await turn({ app, queue })) > 0);
      },
    },
    tick: () => poll(cloud.app),
  };
}

/** Has the cloud handle a message for a run. */
export async function start({ cloud }: TwoPlaces, id = "r1") {
  const body = JSON.stringify({ run_id: id, flow: { name: "load", command: "true" } });
  await dispatch(cloud.app, { id: `m-${id}`, body });
}

/** A run as it is stored; throws if there is none. */
export async function runOf({ cloud }: TwoPlaces, id = "r1") {
  const run = await cloud.app.store.get(id);
  if (run === undefined) throw new Error(`expected a run ${id}`);
  return run;
}

export async function stateOf(places: TwoPlaces, id = "r1") {
  return (await runOf(places, id)).state;
}

/** What the cloud has logged at a level. */
export function linesOf({ cloud }: TwoPlaces, level: string) {
  return cloud.lines.filter((line) => line.level === level);
}
