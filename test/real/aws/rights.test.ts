import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { parse } from "yaml";
import { abandonWith } from "../../../functions/abandon.ts";
import { apiWith } from "../../../functions/api.ts";
import { dispatchWith } from "../../../functions/dispatch.ts";
import { observeWith } from "../../../functions/observe.ts";
import { pollWith } from "../../../functions/poll.ts";
import { publishWith } from "../../../functions/publish.ts";
import type { App } from "../../../src/app.ts";
import { publisherOf } from "../../../src/aws/publisher.ts";
import { hashOf } from "../../../src/http/tokens.ts";
import { silentLogger } from "../../../src/log.ts";
import { endBody } from "../../../src/stores/dynamodb/body-end.ts";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { type TestApp, testAgent, testApp } from "../../fakes/app.ts";
import { type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { headImage, streamEvent } from "../../functions/heads.ts";
import { apiRequest, invocation, RUN, sqsEvent } from "../../functions/support.ts";
import {
  allows,
  type PolicyStatement,
  superfluousIn,
  tableArn,
  useOf,
} from "../../serverless/policies.ts";
import { createTable, type TestTable } from "./table.ts";

let table: TestTable;
/** The door of the function under test; whatever prepares its work takes another one. */
let proxy: AwsProxy;
let its: TestApp;
let others: App;
beforeEach(async () => {
  table = await createTable(inject("dynamodb"));
  proxy = await awsProxy(inject("dynamodb"));
  its = testApp(storage(table.open(proxy.endpoint)));
  its.setAgents(testAgent(), testAgent({ name: "box", labels: ["box"], remote: true }));
  others = { ...its.app, ...storage(table.open()) };
});
afterEach(async () => {
  await proxy.close();
  await table.remove();
});

function storage(through: Table): Pick<App, "store" | "registry" | "tokens" | "hosts"> {
  const now = () => new Date("2026-11-21T12:00:00.000Z");
  return {
    store: dynamoStore(through, { newId: randomUUID, keepDays: 30 }),
    registry: dynamoRegistry(through, { now, newId: randomUUID, random: () => 1, sleep }),
    tokens: dynamoTokens(through),
    hosts: dynamoHosts(through, { now: () => new Date() }),
  };
}

/** What can be done with the items of a table. */
const ACTIONS =
  "GetItem BatchGetItem Query Scan PutItem UpdateItem DeleteItem BatchWriteItem".split(" ");

/** The resources of a role's statements, as they are written. */
const RESOURCES = new Map([
  ['{"Fn::GetAtt":["Table","Arn"]}', ""],
  ['{"Fn::Sub":"${Table.Arn}/index/due"}', "/index/due"],
  ['{"Fn::Sub":"${Table.Arn}/index/recent"}', "/index/recent"],
]);

interface Roles {
  readonly Resources: Readonly<
    Record<
      string,
      {
        readonly Properties: {
          readonly Policies: readonly {
            readonly PolicyDocument: { readonly Statement: readonly RoleStatement[] };
          }[];
        };
      }
    >
  >;
}

type RoleStatement = Omit<PolicyStatement, "Action" | "Resource"> & {
  readonly Action: readonly string[];
  readonly Resource: unknown;
};

/** What a role allows on the table and its indexes. */
function statementsOf(role: string): readonly PolicyStatement[] {
  const { Resources } = parse(readFileSync("deploy/roles.yml", "utf8")) as Roles;
  const { Policies = [] } = Resources[`${role}Role`]?.Properties ?? {};
  return Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .filter(({ Action }) =>
      Action.some((action) => /^dynamodb:(?!\w*(?:Stream|Records|Shard))/.test(action)),
    )
    .map((statement) => {
      const part = RESOURCES.get(JSON.stringify(statement.Resource));
      if (part === undefined) throw new Error(`${statement.Sid} is about something else`);
      return { ...statement, Resource: `${tableArn(table.name)}${part}` };
    });
}

/** That the function may make all the calls that came by, and that its role allows no others. */
function expectRightsOf(role: string): void {
  const statements = statementsOf(role);
  const used = proxy.calls.map(useOf);
  const missing = used.filter((use) => !statements.some((one) => allows(one, use)));
  expect(new Set(missing.map((use) => JSON.stringify(use)))).toEqual(new Set());
  expect(statements.flatMap((one) => superfluousIn(one, used))).toEqual([]);
}

const run = (id: string, more: object = {}) => ({ ...RUN, run_id: id, ...more });
const handled = { batchItemFailures: [] };

/** Makes a flow known in two versions. A process that knows the newest still has to look for the first. */
async function registered(): Promise<void> {
  for (const command of ["true", "false"]) {
    await others.registry.register({ name: "known", command }, "2026-11-21T12:00:00.000Z");
  }
}

/** Prepares runs as another function does. */
const dispatched = (...bodies: unknown[]) =>
  dispatchWith(async () => others)(
    sqsEvent(Object.fromEntries(bodies.map((body, index) => [`prepared-${index}`, body]))),
    invocation(),
  );

test("dispatch may do on the table what it does, and no more", async () => {
  await registered();
  const dispatch = dispatchWith(async () => its.app);
  const messages = {
    new: run("new"),
    registered: { run_id: "registered", flow: "known" },
    version: { run_id: "version", flow: { name: "known", version: 1 } },
    remote: run("remote", { labels: ["box"] }),
    nobody: run("nobody", { labels: ["nobody"] }),
    faulty: { run_id: "faulty" },
  };
  expect(await dispatch(sqsEvent(messages), invocation())).toEqual(handled);
  const again = {
    other: run("new", { parameters: { other: true } }),
    stored: { run_id: "remote" },
  };
  expect(await dispatch(sqsEvent(again), invocation())).toEqual(handled);
  await its.app.registry.once("definition", async () => "made");
  const failing = its.app.registry.once("other", () => Promise.reject(new Error("not now")));
  await expect(failing).rejects.toThrow("not now");

  expectRightsOf("Dispatch");
});

test("poll may do on the table what it does, and no more", async () => {
  await others.hosts.beat({
    agent: "box",
    id: "host",
    machine: "box.lan",
    version: "0.1.0",
    startedAt: "2026-11-21T12:00:00.000Z",
    lastSeen: "2026-11-21T12:00:00.000Z",
  });
  await dispatched(run("job"), run("remote", { labels: ["box"] }), run("waits", { labels: ["x"] }));
  const poll = pollWith(async () => its.app);
  its.platform.set("job", { type: "running" });
  // Another function was faster: the run is read again.
  const error = "ConditionalCheckFailedException";
  proxy.break(
    { type: "refused", status: 400, error },
    ({ operation }) => operation === "UpdateItem",
  );
  await poll({} as never, invocation(60_000));
  its.clock.pass(3_600_000);
  its.platform.set("job", {
    type: "ended",
    end: "failed",
    cause: { type: "exit", message: "exit code 3", exitCode: 3 },
  });
  await poll({} as never, invocation(60_000));

  // Whose host is lost by now.
  expect((await others.store.get("remote"))?.state).toMatchObject({
    message: expect.stringContaining("box.lan"),
  });

  expectRightsOf("Poll");
});

test("observe may do on the table what it does, and no more", async () => {
  await dispatched(run("a"));
  const event = {
    "detail-type": "ECS Task State Change",
    source: "aws.ecs",
    region: "eu-west-1",
    detail: {
      clusterArn: "arn:aws:ecs:eu-west-1:123456789012:cluster/default",
      taskArn: "arn:aws:ecs:eu-west-1:123456789012:task/default/1",
      startedBy: "sluice/a/1",
      lastStatus: "STOPPED",
      containers: [{ name: "flow", exitCode: 0 }],
    },
  };
  const observe = observeWith(async () => its.app);
  expect(await observe(sqsEvent({ event }), invocation())).toEqual(handled);
  expect((await others.store.get("a"))?.state.type).toBe("succeeded");

  expectRightsOf("Observe");
});

test("abandon may do on the table what it does, and no more", async () => {
  await registered();
  const start = "2099-01-01T00:00:00.000Z";
  await dispatched(run("scheduled", { scheduled_start_time: start }), run("launched"));
  const abandon = abandonWith(async () => its.app);
  const messages = {
    unknown: run("unknown"),
    registered: { run_id: "registered", flow: "known" },
    version: { run_id: "version", flow: { name: "known", version: 1 } },
    scheduled: { run_id: "scheduled" },
    other: run("launched", { parameters: { other: true } }),
  };
  expect(await abandon(sqsEvent(messages), invocation())).toEqual(handled);

  expectRightsOf("Abandon");
});

test("api may do on the table what it does, and no more", async () => {
  await others.tokens.add({
    name: "me",
    scope: "admin",
    hash: hashOf("secret"),
    createdAt: "2026-11-21T12:00:00.000Z",
  });
  await registered();
  await dispatched(run("waits", { labels: ["nobody"] }), run("remote", { labels: ["box"] }));
  const api = apiWith(async () => its.app);
  const ask = async (method: string, path: string, body?: unknown) => {
    const { statusCode } = await api(apiRequest(method, path, body), invocation());
    return statusCode;
  };
  const codes = [
    await ask("POST", "/runs", run("new")),
    await ask("POST", "/runs", run("new", { parameters: { other: true } })),
    await ask("GET", "/runs"),
    await ask("GET", "/runs/new"),
    await ask("POST", "/runs/waits/cancel"),
    await ask("POST", "/explain", { run_id: "remote" }),
    await ask("PUT", "/flows/new", { command: "true" }),
    await ask("GET", "/flows"),
    await ask("GET", "/flows/known"),
    await ask("GET", "/flows/known?version=1"),
    await ask("GET", "/agents"),
    await ask("GET", "/health"),
  ];
  expect(codes).toEqual([202, 409, 200, 200, 202, 200, 201, 200, 200, 200, 200, 200]);

  expectRightsOf("Api");
});

test("publish may do on the table what it does, and no more", async () => {
  const through = table.open(proxy.endpoint);
  const publisher = publisherOf({
    put: async (details) => details.length,
    endBody: (head) => endBody(through, head),
    log: silentLogger,
  });
  const publish = publishWith(() => publisher);
  const cause = { type: "exit", message: "exit code 0", exitCode: 0 } as const;
  const ended = headImage("a", { type: "succeeded", cause }, 2);
  expect(await publish(streamEvent({ NewImage: ended }), invocation())).toEqual(handled);

  expectRightsOf("Publish");
});

describe("tokens", () => {
  const allowed = (role: string) =>
    ["tokens", `hash#${hashOf("secret")}`].map((leadingKey) =>
      ACTIONS.filter((name) => {
        const use = { action: `dynamodb:${name}`, resource: tableArn(table.name), leadingKey };
        return statementsOf(role).some((statement) => allows(statement, use));
      }),
    );

  test.each(["Dispatch", "Poll", "Observe", "Abandon", "Publish"])(
    "are out of reach of %s",
    (role) => {
      expect(allowed(role)).toEqual([[], []]);
    },
  );

  test("are read by api, and made by no function", () => {
    expect(allowed("Api")).toEqual([["GetItem"], ["GetItem"]]);
  });

  test("are made, listed and removed with the rights that docs/deploy.md names", async () => {
    const tokens = dynamoTokens(table.open(proxy.endpoint));
    const token = { name: "me", scope: "run", createdAt: "2026-11-21T12:00:00.000Z" } as const;
    await tokens.add({ ...token, hash: hashOf("first") });
    const again = tokens.add({ ...token, hash: hashOf("second") });
    await expect(again).rejects.toMatchObject({ code: "conflict" });
    await tokens.list();
    await tokens.remove("me");

    const page = readFileSync("docs/deploy.md", "utf8");
    const [, text = ""] = /```json\n(\{\s*"Sid": "Tokens"[\s\S]*?)```/.exec(page) ?? [];
    const statement = JSON.parse(text.replaceAll("TABLE", table.name)) as PolicyStatement;
    const used = proxy.calls.map(useOf);
    expect(used.filter((use) => !allows(statement, use))).toEqual([]);
    expect(superfluousIn(statement, used)).toEqual([]);
  });
});
