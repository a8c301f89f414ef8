import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { parse } from "yaml";
import { abandonWith } from "../../../functions/abandon.ts";
import { apiWith } from "../../../functions/api.ts";
import { dispatchWith } from "../../../functions/dispatch.ts";
import { observeWith } from "../../../functions/observe.ts";
import { pollWith } from "../../../functions/poll.ts";
import type { App } from "../../../src/app.ts";
import { hashOf } from "../../../src/http/tokens.ts";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoHosts } from "../../../src/stores/dynamodb/hosts.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { type TestApp, testAgent, testApp } from "../../fakes/app.ts";
import { type AwsCall, type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { apiRequest, invocation, RUN, sqsEvent } from "../../functions/support.ts";
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

interface RoleStatement {
  readonly Sid: string;
  readonly Action: readonly string[];
  readonly Resource: unknown;
}

/** What a role allows on the table and its indexes, such as `Query due`. */
function allowed(role: string): string[] {
  const document = parse(readFileSync("deploy/roles.yml", "utf8")) as {
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
  };
  const { Policies = [] } = document.Resources[`${role}Role`]?.Properties ?? {};
  return Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .flatMap(({ Action, Resource }) =>
      Action.filter((action) => action.startsWith("dynamodb:")).map(
        (action) => `${action.slice("dynamodb:".length)} ${placeOf(Resource)}`,
      ),
    )
    .sort();
}

function placeOf(resource: unknown): string {
  const [, index] = /Table\.Arn\}\/index\/(.+)"\}$/.exec(JSON.stringify(resource)) ?? [];
  return index ?? (JSON.stringify(resource) === '{"Fn::GetAtt":["Table","Arn"]}' ? "table" : "?");
}

/** What was called at the door of the function. */
function called(): string[] {
  const names = proxy.calls.map(({ operation, body }: AwsCall) => {
    const { IndexName = "table" } = JSON.parse(body) as { readonly IndexName?: string };
    return `${operation} ${IndexName}`;
  });
  return [...new Set(names)].sort();
}

const run = (id: string, more: object = {}) => ({ ...RUN, run_id: id, ...more });
const FLOW = { name: "known", command: "true" };
const handled = { batchItemFailures: [] };

/** Prepares runs as another function does. */
const dispatched = (...bodies: unknown[]) =>
  dispatchWith(async () => others)(
    sqsEvent(Object.fromEntries(bodies.map((body, index) => [`prepared-${index}`, body]))),
    invocation(),
  );

test("dispatch may do on the table what it does, and no more", async () => {
  await others.registry.register(FLOW, "2026-11-21T12:00:00.000Z");
  const dispatch = dispatchWith(async () => its.app);
  const messages = {
    new: run("new"),
    registered: { run_id: "registered", flow: "known" },
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

  expect(called()).toEqual(allowed("Dispatch"));
});

test("poll may do on the table what it does, and no more", async () => {
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

  expect(called()).toEqual(allowed("Poll"));
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

  expect(called()).toEqual(allowed("Observe"));
});

test("abandon may do on the table what it does, and no more", async () => {
  await others.registry.register(FLOW, "2026-11-21T12:00:00.000Z");
  await dispatched(run("waits", { labels: ["nobody"] }), run("launched"));
  const abandon = abandonWith(async () => its.app);
  const messages = {
    unknown: run("unknown"),
    registered: { run_id: "registered", flow: "known" },
    waits: { run_id: "waits" },
    other: run("launched", { parameters: { other: true } }),
  };
  expect(await abandon(sqsEvent(messages), invocation())).toEqual(handled);

  expect(called()).toEqual(allowed("Abandon"));
});

test("api may do on the table what it does, and no more", async () => {
  await others.tokens.add({
    name: "me",
    scope: "admin",
    hash: hashOf("secret"),
    createdAt: "2026-11-21T12:00:00.000Z",
  });
  await dispatched(run("waits", { labels: ["nobody"] }));
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
    await ask("PUT", "/flows/known", { command: "true" }),
    await ask("GET", "/flows"),
    await ask("GET", "/flows/known"),
    await ask("GET", "/agents"),
    await ask("GET", "/health"),
  ];
  expect(codes).toEqual([202, 409, 200, 200, 202, 201, 200, 200, 200, 200]);

  expect(called()).toEqual(allowed("Api"));
});
