import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type Calls, HOST_CALLS, UNITS_OF_HOST } from "../../../scripts/costs/usage.ts";
import type { App } from "../../../src/app.ts";
import { jobOf } from "../../../src/backends/docker/job.ts";
import { cancel } from "../../../src/cancel.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { heartbeat } from "../../../src/embedded/heartbeat.ts";
import { BEAT_EVERY_MS } from "../../../src/hosts.ts";
import { observe } from "../../../src/observe.ts";
import { poll } from "../../../src/poll.ts";
import type { JobStatus } from "../../../src/run.ts";
import { endBody } from "../../../src/stores/dynamodb/body-end.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { headKey } from "../../../src/stores/dynamodb/keys.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { MINUTE } from "../../../src/time.ts";
import { testApp } from "../../fakes/app.ts";
import { type AwsProxy, awsProxy, type UsedUnits } from "../../fakes/aws-proxy.ts";
import { createTable, type TestTable } from "./table.ts";

const ENDED: JobStatus = {
  type: "ended",
  end: "succeeded",
  cause: { type: "exit", message: "exit code 0", exitCode: 0 },
};
/** The head is as long as those of containers are. */
const JOB = jobOf({
  id: "0123456789abcdef".repeat(4),
  name: "sluice-7f9c2ba4-e88f-4271-8d4d-3c9f6b1e2a10-1",
  target: "docker#QDRX:7K2M:YYFB:SLNH:7YRX:JC7E:CQM6:S4XW:YEGI:KMXO:2ZJV:PJAW",
});
const SELF = { agent: "workshop", id: randomUUID(), machine: "bench", version: "0.1.0" };

let table: TestTable;
let proxy: AwsProxy;
let through: Table;
let t: ReturnType<typeof testApp>;
let cloud: App;
let host: App;
beforeEach(async () => {
  table = await createTable(inject("dynamodb"));
  proxy = await awsProxy(inject("dynamodb"));
  t = testApp();
  t.setAgents({ name: "workshop", remote: true });
  t.platform.launchAs(JOB);
  through = table.open(proxy.endpoint);
  const store = dynamoStore(through, { newId: randomUUID, keepDays: 90 });
  const { agents } = t.app;
  cloud = { ...t.app, agents, store, hosts: dynamoHosts(through, t.app) };
  host = { ...cloud, place: "workshop", placeOf: ({ name }) => name };
});
afterEach(async () => {
  await proxy.close();
  await table.remove();
});

const dispatched = (id: string) => {
  const body = { run_id: id, flow: { name: "nightly-load", command: "python load.py" } };
  return dispatch(cloud, { id, body: JSON.stringify(body) });
};
const launched = (id: string) =>
  dispatch(host, { id: `m-${id}`, body: JSON.stringify({ run_id: id }) });
const told = (id: string, status: JobStatus) => observe(host, id, { launch: 1, job: JOB, status });

async function counted(work: () => Promise<unknown>): Promise<Calls> {
  const before = proxy.calls.length;
  await work();
  const counts: Record<string, number> = {};
  for (const { operation } of proxy.calls.slice(before)) {
    counts[`dynamodb ${operation}`] = (counts[`dynamodb ${operation}`] ?? 0) + 1;
  }
  return counts;
}

/** The units a piece of work has used. */
async function used(work: () => Promise<unknown>): Promise<UsedUnits> {
  const before = { read: proxy.used.read, written: { ...proxy.used.written } };
  await work();
  const written = Object.entries(proxy.used.written)
    .map(([where, units]) => [where, units - (before.written[where] ?? 0)] as const)
    .filter(([, units]) => units > 0);
  return { read: proxy.used.read - before.read, written: Object.fromEntries(written) };
}

describe("the host of a remote agent", () => {
  test("calls exactly what the table in ARCHITECTURE.md says", async () => {
    const heart = heartbeat(host, { ...SELF, startedAt: host.now().toISOString() });
    await heart.keep();
    const nothing = await counted(() => poll(host));
    await dispatched("first");
    const calls = {
      "every 15 seconds, that it is at work": await counted(async () => {
        t.clock.pass(BEAT_EVERY_MS);
        await heart.keep();
      }),
      "a tick, nothing due, or jobs to look at": nothing,
      "a tick, a new run": await counted(() => poll(host)),
      "its launch": await counted(() => launched("first")),
      "its job runs, or ends": await counted(() => told("first", { type: "running" })),
    };
    expect(await counted(() => poll(host))).toEqual(nothing);
    expect(await counted(() => told("first", ENDED))).toEqual(calls["its job runs, or ends"]);
    await dispatched("second");
    await launched("second");
    await cancel(cloud, "second");
    t.clock.pass(MINUTE);
    const cancelled = await counted(() => poll(host));
    expect(t.platform.cancelled).toHaveLength(1);

    expect({ ...calls, "a tick, its cancellation": cancelled }).toEqual(HOST_CALLS);
  });

  test("uses so many units of the table for a beat, and for a run from the queue to its end", async () => {
    const heart = heartbeat(host, { ...SELF, startedAt: host.now().toISOString() });
    await heart.keep();
    const beat = await used(async () => {
      t.clock.pass(BEAT_EVERY_MS);
      await heart.keep();
    });
    /** Ticks read whether there are runs or not. */
    let readByTicks = 0;
    const untilEnd = async (id: string) => {
      await dispatched(id);
      readByTicks = (await used(() => poll(host))).read;
      await launched(id);
      await told(id, { type: "running" });
      await told(id, ENDED);
      await endBody(through, (await table.open().get(headKey(id))) ?? {});
    };
    await untilEnd("7f9c2ba4-e88f-4271-8d4d-3c9f6b1e2a10");

    const run = await used(() => untilEnd("7f9c2ba4-e88f-4271-8d4d-3c9f6b1e2a11"));

    const read = run.read - readByTicks;
    expect({ beat: beat.written, run: { ...run, read } }).toEqual(UNITS_OF_HOST);
  });
});
