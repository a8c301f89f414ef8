import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import type { App } from "../../../src/app.ts";
import { cancel } from "../../../src/cancel.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { openAgentHost, type SharedStorage } from "../../../src/embedded/agent-host.ts";
import { LOST_AFTER_MS } from "../../../src/hosts.ts";
import { runLogs } from "../../../src/logs.ts";
import { placeBesideFunctions } from "../../../src/place.ts";
import { poll } from "../../../src/poll.ts";
import { isFinal, type Run } from "../../../src/run.ts";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { hostsContract } from "../../contracts/hosts.ts";
import { testAgent, testApp } from "../../fakes/app.ts";
import { createTable } from "./table.ts";

hostsContract("dynamodb", async () => {
  const table = await createTable(inject("dynamodb"));
  const other = table.open();
  return {
    hosts: dynamoHosts(table.open()),
    reopen: () => dynamoHosts(other),
    close: table.remove,
  };
});

function storageIn(table: Table): SharedStorage {
  const outside = {
    now: () => new Date(),
    newId: randomUUID,
    random: Math.random,
    sleep: (ms: number) => sleep(ms),
  };
  return {
    store: dynamoStore(table, { newId: randomUUID, keepDays: 90 }),
    registry: dynamoRegistry(table, outside),
    tokens: dynamoTokens(table),
    hosts: dynamoHosts(table),
  };
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
