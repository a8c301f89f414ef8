import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { App } from "../../../src/app.ts";
import { cancel } from "../../../src/cancel.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { type AgentHostProcess, openAgentHost } from "../../../src/embedded/agent-host.ts";
import { turn } from "../../../src/embedded/loop.ts";
import { openSharedTable, type TableSettings } from "../../../src/embedded/shared-table.ts";
import { LOST_AFTER_MS } from "../../../src/hosts.ts";
import { runLogs } from "../../../src/logs.ts";
import { placeBesideFunctions } from "../../../src/place.ts";
import { poll } from "../../../src/poll.ts";
import { isFinal, type Run } from "../../../src/run.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import { testAgent, testApp } from "../../fakes/app.ts";
import { type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { allows, type PolicyStatement, superfluousIn, useOf } from "../../serverless/policies.ts";
import { createTable, type TestTable } from "./table.ts";

let table: TestTable;
let proxy: AwsProxy;
let folder: string;
let hosts: AgentHostProcess[];
/** How far ahead of the machine's clock everybody is. */
let ahead: number;
const now = () => new Date(Date.now() + ahead);
beforeEach(async () => {
  // As an environment that has credentials: nobody checks these.
  process.env["AWS_ACCESS_KEY_ID"] = "test";
  process.env["AWS_SECRET_ACCESS_KEY"] = "test";
  table = await createTable(inject("dynamodb"));
  proxy = await awsProxy(inject("dynamodb"));
  folder = mkdtempSync(join(tmpdir(), "sluice-rights-"));
  writeFileSync(join(folder, "sluice.yml"), "agents: { lab: { backend: local } }");
  hosts = [];
  ahead = 0;
});
afterEach(async () => {
  for (const host of hosts) host.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  await proxy.close();
  await table.remove();
  delete process.env["AWS_ACCESS_KEY_ID"];
  delete process.env["AWS_SECRET_ACCESS_KEY"];
});

const settings = (): TableSettings => ({
  table: table.name,
  region: "eu-west-1",
  endpoint: proxy.endpoint,
  keepDays: 90,
});

/** Opens the host on a data folder, on its own way to the table, and beats once. */
async function boot(data = "data"): Promise<AgentHostProcess> {
  const host = await openAgentHost({
    agent: "lab",
    installation: settings().table,
    storage: await openSharedTable(settings()),
    version: "0.1.0",
    config: join(folder, "sluice.yml"),
    dataFolder: join(folder, data),
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    log: testApp().app.log,
    now,
  });
  hosts.push(host);
  await host.work(AbortSignal.abort());
  return host;
}

/** The functions, which reach the table past the proxy. */
function cloudApp(): App {
  const own = table.open();
  return {
    ...testApp().app,
    store: dynamoStore(own, { newId: randomUUID, keepDays: 90 }),
    hosts: dynamoHosts(own, { now }),
    newId: randomUUID,
    agents: [testAgent({ name: "lab", backend: "local" })],
    placeOf: placeBesideFunctions,
    now,
  };
}

describe("the rights that docs/agents.md gives a host", () => {
  test("are those it uses, in all it does, and no others", async () => {
    const cloud = cloudApp();
    const start = async (id: string, command: string) => {
      const body = { run_id: id, flow: { name: "load", command } };
      await dispatch(cloud, { id: `m-${id}`, body: JSON.stringify(body) });
    };
    const until = async (host: AgentHostProcess, id: string, wanted: (run: Run) => boolean) => {
      for (;;) {
        await turn(host);
        const run = await cloud.store.get(id);
        if (run !== undefined && wanted(run)) return run;
        await sleep(20);
      }
    };
    const isOver = ({ state }: Run) => isFinal(state);

    await start("r1", "echo hello");
    const host = await boot();
    await until(host, "r1", isOver);
    const { items } = await host.app.store.list({ search: "r1", limit: 2 });
    expect(items.map(({ id }) => id)).toEqual(["r1"]);
    expect((await runLogs(host.app, "r1")).lines).toMatchObject([{ text: "hello" }]);
    await start("r2", "exec sleep 600");
    await until(host, "r2", ({ state }) => state.type === "running");
    await cancel(cloud, "r2");
    await until(host, "r2", isOver);
    await start("r3", "exit 3");
    expect((await until(host, "r3", isOver)).state.type).toBe("failed");

    await start("r4", "exec sleep 600");
    const running = await until(host, "r4", ({ state }) => state.type === "running");
    ahead = LOST_AFTER_MS;
    await poll(cloud);
    expect((await cloud.store.get("r4"))?.state.type).toBe("crashed");
    // Another machine takes the agent over, and looks what became of the runs of the first one.
    const second = await boot("elsewhere");
    await turn(second);
    if (running.state.type !== "running") throw new Error("expected a running run");
    const [agent] = host.app.agents;
    if (agent === undefined) throw new Error("expected an agent");
    await (await host.app.backend(agent)).cancel(running.state.job);

    const used = proxy.calls.map(useOf);
    const statements = statementsIn(readFileSync("docs/agents.md", "utf8"), table.name, "lab");
    const missing = used.filter((use) => !statements.some((one) => allows(one, use)));
    expect(new Set(missing.map((use) => JSON.stringify(use)))).toEqual(new Set());
    expect(statements.flatMap((one) => superfluousIn(one, used))).toEqual([]);
  });
});

describe("a table that cannot be opened", () => {
  test.each([
    ["ExpiredTokenException", "forbidden", /have expired: .*renew them/],
    ["InvalidSignatureException", "forbidden", /do not fit/],
    ["AccessDeniedException", "forbidden", /may not be read/],
    ["UnrecognizedClientException", "forbidden", /do not fit/],
    ["ResourceNotFoundException", "not_found", /there is no table/],
  ])("says why: %s", async (error, code, message) => {
    proxy.break({ type: "refused", status: 400, error }, () => true, 20);
    await expect(openSharedTable(settings())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("is tried again if the table does not answer for now", async () => {
    proxy.break({ type: "refused", status: 500, error: "InternalServerError" }, () => true, 20);
    await expect(openSharedTable(settings())).rejects.toMatchObject({
      name: "InternalServerError",
    });
  });
});

/** The statements of the policy a page prints, for a table and an agent. */
function statementsIn(page: string, name: string, agent: string): readonly PolicyStatement[] {
  const [, text = ""] = /```json\n(\{\s*"Version": "2012-10-17"[\s\S]*?)```/.exec(page) ?? [];
  const filled = text.replaceAll("TABLE", name).replaceAll("AGENT", agent);
  return (JSON.parse(filled) as { readonly Statement: readonly PolicyStatement[] }).Statement;
}
