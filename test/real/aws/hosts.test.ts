import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import type { App, Storage } from "../../../src/app.ts";
import { cancel } from "../../../src/cancel.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { openAgentHost } from "../../../src/embedded/agent-host.ts";
import { LOST_AFTER_MS } from "../../../src/hosts.ts";
import { runLogs } from "../../../src/logs.ts";
import { placeBesideFunctions } from "../../../src/place.ts";
import { poll } from "../../../src/poll.ts";
import { isFinal, type Run } from "../../../src/run.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { dynamoStorage } from "../../../src/stores/dynamodb/storage.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { hostsContract } from "../../contracts/hosts.ts";
import { testAgent, testApp } from "../../fakes/app.ts";
import { awsProxy } from "../../fakes/aws-proxy.ts";
import { testClock } from "../../fakes/clock.ts";
import { createTable } from "./table.ts";

const now = () => new Date();

hostsContract("dynamodb", async () => {
  const table = await createTable(inject("dynamodb"));
  const other = table.open();
  return {
    hosts: dynamoHosts(table.open(), { now }),
    reopen: () => dynamoHosts(other, { now }),
    close: table.remove,
  };
});

describe("the host of an agent that may be some seconds old", () => {
  const SELF = {
    agent: "lab",
    id: "one",
    machine: "bench",
    version: "0.1.0",
    startedAt: "2026-11-21T12:00:00.000Z",
    lastSeen: "2026-11-21T12:00:00.000Z",
  };

  test("is read once in that time, also if there is none, however many ask", async () => {
    const table = await createTable(inject("dynamodb"));
    const proxy = await awsProxy(inject("dynamodb"));
    const clock = testClock();
    const hosts = dynamoHosts(table.open(proxy.endpoint), clock);
    const ask = () => Promise.all([hosts.get("lab", 5_000), hosts.get("lab", 5_000)]);
    expect(await ask()).toEqual([undefined, undefined]);
    await dynamoHosts(table.open(), clock).beat(SELF);
    clock.pass(4_999);
    expect(await ask()).toEqual([undefined, undefined]);
    expect(proxy.calls).toHaveLength(1);
    clock.pass(1);
    expect(await ask()).toEqual([SELF, SELF]);
    expect(await hosts.get("lab")).toEqual(SELF);
    expect(proxy.calls.map(({ operation }) => operation)).toEqual(Array(3).fill("GetItem"));
    await proxy.close();
    await table.remove();
  });

  test("is asked for again if the answer was an error", async () => {
    const table = await createTable(inject("dynamodb"));
    const proxy = await awsProxy(inject("dynamodb"));
    const hosts = dynamoHosts(table.open(proxy.endpoint), testClock());
    proxy.break({ type: "refused", status: 400, error: "AccessDeniedException" }, () => true);
    await expect(hosts.get("lab", 5_000)).rejects.toThrow();
    expect(await hosts.get("lab", 5_000)).toBeUndefined();
    await proxy.close();
    await table.remove();
  });
});

function storageIn(table: Table): Storage {
  return dynamoStorage(table, {
    now,
    newId: randomUUID,
    random: Math.random,
    sleep: (ms) => sleep(ms),
    keepDays: 90,
  });
}

describe("a cloud and the host of a remote agent on one table", () => {
  test("a run goes to the host, is launched there once and ends; another is cancelled; a third is lost", async () => {
    const table = await createTable(inject("dynamodb"));
    const folder = mkdtempSync(join(tmpdir(), "sluice-host-"));
    writeFileSync(join(folder, "sluice.yml"), "agents: { lab: { backend: local } }");
    let ahead = 0;
    const t = testApp();
    const cloud: App = {
      ...t.app,
      ...storageIn(table.open()),
      newId: randomUUID,
      agents: [testAgent({ name: "lab", backend: "local" })],
      placeOf: placeBesideFunctions,
      now: () => new Date(Date.now() + ahead),
    };
    const host = await openAgentHost({
      agent: "lab",
      installation: table.name,
      storage: storageIn(table.open()),
      version: "0.1.0",
      config: join(folder, "sluice.yml"),
      dataFolder: join(folder, "data"),
      env: { PATH: process.env["PATH"] ?? "" },
      cwd: folder,
      log: cloud.log,
    });
    const start = (id: string, command: string) => {
      const body = { run_id: id, flow: { name: "load", command } };
      return dispatch(cloud, { id: `m-${id}`, body: JSON.stringify(body) });
    };
    const until = async (id: string, expected: (run: Run) => boolean): Promise<Run> => {
      for (;;) {
        const run = await cloud.store.get(id);
        if (run !== undefined && expected(run)) return run;
        await sleep(50);
      }
    };
    const stop = new AbortController();
    try {
      await start("r1", "echo once >> runs.txt");
      expect((await cloud.store.get("r1"))?.place).toBe("lab");
      const working = host.work(stop.signal);
      const ended = await until("r1", ({ state }) => isFinal(state));
      expect(ended.state).toMatchObject({ type: "succeeded", agent: "lab" });
      expect(readFileSync(join(folder, "runs.txt"), "utf8")).toBe("once\n");
      await expect(runLogs(cloud, "r1")).rejects.toMatchObject({ code: "unsupported" });

      await start("r2", "touch two; exec sleep 600");
      await start("r3", "touch three; exec sleep 600");
      await until("r2", () => existsSync(join(folder, "two")));
      await cancel(cloud, "r2");
      expect((await until("r2", ({ state }) => isFinal(state))).state.type).toBe("cancelled");
      const third = await until("r3", ({ state }) => state.type === "running");
      stop.abort();
      await working;

      await poll(cloud);
      expect((await cloud.store.get("r3"))?.state.type).toBe("running");
      ahead = LOST_AFTER_MS;
      await poll(cloud);
      const lost = await cloud.store.get("r3");
      expect(lost?.state).toMatchObject({ type: "crashed", cause: { type: "lost" } });
      if (third.state.type !== "running") throw new Error("expected a running run");
      const [agent] = host.app.agents;
      if (agent === undefined) throw new Error("expected an agent");
      await (await host.app.backend(agent)).cancel(third.state.job);
    } finally {
      stop.abort();
      host.close();
      rmSync(folder, { recursive: true, force: true });
      await table.remove();
    }
  });
});
