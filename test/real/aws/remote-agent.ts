import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "../../../src/agent.ts";
import type { App } from "../../../src/app.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { type AgentHostProcess, openAgentHost } from "../../../src/embedded/agent-host.ts";
import { turn } from "../../../src/embedded/loop.ts";
import { openSharedTable, type TableSettings } from "../../../src/embedded/shared-table.ts";
import type { JsonObject } from "../../../src/json.ts";
import { placeBesideFunctions } from "../../../src/place.ts";
import type { Run } from "../../../src/run.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import { testAgent, testApp } from "../../fakes/app.ts";
import { type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import type { PolicyStatement } from "../../serverless/policies.ts";
import { createTable } from "./table.ts";

/** A deployment with one remote agent, `lab`, and the machine of its host. */
export interface RemoteAgent {
  /** The functions, which reach the table past what is looked at. */
  readonly cloud: App;
  /** The way of the host to the table. */
  readonly proxy: AwsProxy;
  readonly table: TableSettings;
  /** The folder of the machine, with `sluice.yml`. */
  readonly folder: string;
  /** Opens the host on a data folder, and beats once. Default: `data`. */
  boot(data?: string): Promise<AgentHostProcess>;
  /** Sends a run of a flow to the deployment. */
  start(id: string, command: string | readonly string[], more?: JsonObject): Promise<void>;
  /** Lets the host work until a run is as wanted; the test's own time limit ends what never comes. */
  until(host: AgentHostProcess, id: string, wanted: (run: Run) => boolean): Promise<Run>;
  /** Moves the clock of everybody on. */
  pass(ms: number): void;
  close(): Promise<void>;
}

/** What the agent is, and what there is on its machine. */
export interface RemoteAgentOptions {
  readonly agent: JsonObject & Pick<Agent, "backend">;
  readonly env?: Readonly<Record<string, string>>;
  /** What happens on the agent's platform between two turns of the host. */
  step?(): void;
}

/** Sets a deployment and a machine up, on a table of DynamoDB. */
export async function remoteAgent(
  dynamodb: string,
  options: RemoteAgentOptions,
): Promise<RemoteAgent> {
  const { agent, env = {}, step = () => undefined } = options;
  const made = await createTable(dynamodb);
  const proxy = await awsProxy(dynamodb);
  const folder = mkdtempSync(join(tmpdir(), "sluice-remote-"));
  writeFileSync(join(folder, "sluice.yml"), JSON.stringify({ agents: { lab: agent } }));
  const table = { table: made.name, region: "eu-west-1", endpoint: proxy.endpoint, keepDays: 90 };
  const hosts: AgentHostProcess[] = [];
  let ahead = 0;
  const now = () => new Date(Date.now() + ahead);
  const { app } = testApp();
  const own = made.open();
  const cloud: App = {
    ...app,
    store: dynamoStore(own, { newId: randomUUID, keepDays: 90 }),
    hosts: dynamoHosts(own, { now }),
    newId: randomUUID,
    agents: [testAgent({ name: "lab", backend: agent.backend, remote: agent["remote"] === true })],
    placeOf: placeBesideFunctions,
    now,
  };
  return {
    cloud,
    proxy,
    table,
    folder,
    async boot(data = "data") {
      const host = await openAgentHost({
        agent: "lab",
        installation: table.table,
        storage: await openSharedTable(table),
        version: "0.1.0",
        config: join(folder, "sluice.yml"),
        dataFolder: join(folder, data),
        env: { PATH: process.env["PATH"] ?? "", ...env },
        cwd: folder,
        log: app.log,
        now,
      });
      hosts.push(host);
      await host.work(AbortSignal.abort());
      return host;
    },
    async start(id, command, more = {}) {
      const body = { run_id: id, flow: { name: "load", command }, ...more };
      await dispatch(cloud, { id: `m-${id}`, body: JSON.stringify(body) });
    },
    async until(host, id, wanted) {
      for (;;) {
        await turn(host);
        const run = await cloud.store.get(id);
        if (run !== undefined && wanted(run)) return run;
        step();
        await sleep(20);
      }
    },
    pass: (ms) => {
      ahead += ms;
    },
    async close() {
      for (const host of hosts) host.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
      await proxy.close();
      await made.remove();
    },
  };
}

/** The statements of the policy that a page prints, for a table and the agent `lab`. */
export function statementsIn(page: string, { table }: TableSettings): readonly PolicyStatement[] {
  const [, text = ""] = /```json\n(\{\s*"Version": "2012-10-17"[\s\S]*?)```/.exec(page) ?? [];
  const filled = text.replaceAll("TABLE", table).replaceAll("AGENT", "lab");
  return (JSON.parse(filled) as { readonly Statement: readonly PolicyStatement[] }).Statement;
}
