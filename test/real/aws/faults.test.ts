import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { PermanentError } from "../../../src/errors.ts";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { plus } from "../../../src/time.ts";
import type { Token } from "../../../src/tokens.ts";
import { launching, newRun, START, succeeded } from "../../contracts/store-samples.ts";
import { type AwsCall, type AwsProxy, awsProxy, type Fault } from "../../fakes/aws-proxy.ts";
import { createTable, type TestTable } from "./table.ts";

const NOW = plus(START, 5_000);
const LOST: Fault = { type: "lost" };
const REFUSED: readonly (readonly [number, string])[] = [
  [400, "ProvisionedThroughputExceededException"],
  [400, "ThrottlingException"],
  [400, "RequestLimitExceeded"],
  [500, "InternalServerError"],
  [503, "ServiceUnavailable"],
];

let table: TestTable;
let proxy: AwsProxy;
let through: Table;
beforeEach(async () => {
  table = await createTable(inject("dynamodb"));
  proxy = await awsProxy(inject("dynamodb"));
  through = table.open(proxy.endpoint);
});
afterEach(async () => {
  await proxy.close();
  await table.remove();
});

const store = (at = through) => dynamoStore(at, { newId: randomUUID, keepDays: 30 });
const registry = (at = through) =>
  dynamoRegistry(at, {
    now: () => new Date(),
    newId: randomUUID,
    random: Math.random,
    sleep: () => new Promise(setImmediate),
  });

const writes = ({ operation }: AwsCall) => /^(?:Put|Update|Delete)Item$/.test(operation);
const any = () => true;
const head = ({ operation, body }: AwsCall) =>
  /^(?:Put|Update)/.test(operation) && body.includes('"sk":{"S":"head"}');

/** What is in the table under a partition key. */
async function sortKeys(pk: string): Promise<unknown[]> {
  const items = table.open().query({ where: "#pk = :pk", values: { pk }, pageSize: 100 });
  return (await Array.fromAsync(items)).map(({ sk }) => sk);
}

describe("DynamoDB that answers too late", () => {
  it("has created the run, whichever answers are lost", async () => {
    const run = newRun();
    proxy.break(LOST, writes, 3);

    const { run: created, created: ours } = await store().create(run);

    expect(proxy.done).toBe(true);
    expect(ours).toBe(true);
    expect(await store().get(run.id)).toStrictEqual(created);
    expect(await store().body(run.id)).toStrictEqual(run.body);
    expect(await sortKeys(`run#${run.id}`)).toHaveLength(2);
  });

  it("has created the run for one of two who lost their answers", async () => {
    const run = newRun();
    proxy.break(LOST, head, 2);

    const answers = await Promise.all([store().create(run), store().create(run)]);

    expect(answers.filter(({ created }) => created)).toHaveLength(1);
  });

  it("has moved the run, however often the answer is lost", async () => {
    const { run } = await store().create(newRun());
    proxy.break(LOST, head, 3);

    const moved = await store().transition(run, launching(1), { now: NOW });

    expect(proxy.done).toBe(true);
    expect(moved).toMatchObject({ revision: 2, state: { type: "launching" } });
    expect(await store().get(run.id)).toStrictEqual(moved);
  });

  it("has ended a run", async () => {
    const { run } = await store().create(newRun());
    proxy.break(LOST, writes, 2);

    const moved = await store().transition(run, succeeded(), { now: NOW });

    expect(proxy.done).toBe(true);
    expect(moved?.state.type).toBe("succeeded");
  });

  it("makes nobody win who has lost", async () => {
    const { run } = await store().create(newRun());
    await store(table.open()).transition(run, launching(1), { now: NOW });
    proxy.break(LOST, head, 2);

    expect(await store().transition(run, launching(1), { now: NOW })).toBeUndefined();
    expect((await store().create(newRun({ id: run.id }))).created).toBe(false);
  });

  it("has registered one version of a flow", async () => {
    proxy.break(LOST, writes, 3);

    const first = await registry().register({ name: "load" }, START);
    const second = await registry().register({ name: "load", command: "true" }, START);

    expect(proxy.done).toBe(true);
    expect([first.version, second.version]).toStrictEqual([1, 2]);
    expect(await registry().flow("load", 3)).toBeUndefined();
  });

  it("lets a value be made once, by whoever has the claim without knowing it", async () => {
    let made = 0;
    proxy.break(LOST, writes, 2);
    const make = async () => `made ${(made += 1)}`;

    const values = await Promise.all([1, 2, 3].map(() => registry().once("key", make)));

    expect(proxy.done).toBe(true);
    expect(values).toStrictEqual(["made 1", "made 1", "made 1"]);
  });

  it("takes back a claim", async () => {
    proxy.break(LOST, ({ operation }) => operation === "DeleteItem", 1);
    const fault = new Error("no");

    await expect(registry().once("key", () => Promise.reject(fault))).rejects.toBe(fault);

    expect(proxy.done).toBe(true);
    expect(await registry().once("key", async () => "made")).toBe("made");
  });

  it("says why making failed, also where the claim cannot be given back", async () => {
    const gone = { type: "refused", status: 400, error: "ValidationException" } as const;
    proxy.break(gone, ({ operation }) => operation === "DeleteItem");
    const fault = new Error("no");

    await expect(registry().once("key", () => Promise.reject(fault))).rejects.toBe(fault);

    expect(proxy.done).toBe(true);
  });

  it("adds a token, refuses another one of its name, and removes it", async () => {
    const tokens = dynamoTokens(through);
    const token: Token = { name: "ci", scope: "run", hash: "one", createdAt: START };
    const seen = new Set<string>();
    proxy.break(LOST, (call) => writes(call) && seen.size < seen.add(call.body).size, 99);

    await tokens.add(token);
    await expect(tokens.add({ ...token, hash: "two" })).rejects.toMatchObject({ code: "conflict" });

    expect(await tokens.find("one")).toMatchObject({ name: "ci" });
    expect(await tokens.find("two")).toBeUndefined();
    expect(await tokens.remove("ci")).toBe(true);
    expect(await tokens.find("one")).toBeUndefined();
    expect(seen.size).toBe(7);
  });

  it("honours no token whose refusal broke off half way", async () => {
    const tokens = dynamoTokens(through);
    const token: Token = { name: "ci", scope: "admin", hash: "one", createdAt: START };
    await tokens.add(token);
    const gone = { type: "refused", status: 400, error: "ValidationException" } as const;
    proxy.break(gone, ({ operation }) => operation === "DeleteItem");

    await expect(tokens.add({ ...token, hash: "two" })).rejects.toThrow("refused by the proxy");

    expect(await tokens.find("one")).toMatchObject({ hash: "one" });
    expect(await tokens.find("two")).toBeUndefined();
  });

  it("leaves another one's claim alone when a maker believed dead fails", async () => {
    let now = Date.now();
    const late = Promise.withResolvers<string>();
    const inTime = Promise.withResolvers<string>();
    const once = (make: () => Promise<string>) => {
      const began = Promise.withResolvers<void>();
      const options = {
        now: () => new Date(now),
        newId: randomUUID,
        random: Math.random,
        sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
      };
      const value = dynamoRegistry(through, options).once("key", () => {
        began.resolve();
        return make();
      });
      return { value, began: began.promise };
    };
    const first = once(() => late.promise);
    await first.began;
    now += 60_000;
    const second = once(() => inTime.promise);
    await second.began;
    const claim = await through.get({ pk: "once#key", sk: "once" });

    late.reject(new Error("too late"));
    await expect(first.value).rejects.toThrow("too late");

    expect(await through.get({ pk: "once#key", sk: "once" })).toStrictEqual(claim);
    inTime.resolve("made");
    expect(await second.value).toBe("made");
  });
});

describe("DynamoDB that cannot just now", () => {
  it("keeps no run from its end by refusing to touch its body", async () => {
    const { run } = await store().create(newRun());
    const body = ({ body: text }: AwsCall) => text.includes('"S":"body#');
    proxy.break({ type: "refused", status: 400, error: "ThrottlingException" }, body, 4);

    const moved = await store().transition(run, succeeded(), { now: NOW });

    expect(moved?.state.type).toBe("succeeded");
    expect(await store().get(run.id)).toStrictEqual(moved);
  });

  it.each(REFUSED)("is asked again, %i %s", async (status, error) => {
    const run = newRun();
    proxy.break({ type: "refused", status, error }, any, 2);

    const { run: created } = await store().create(run);
    proxy.break({ type: "refused", status, error }, any, 2);
    const moved = await store().transition(created, launching(1), { now: NOW });
    proxy.break({ type: "refused", status, error }, any, 2);
    const listed = await store().list({});

    expect(proxy.done).toBe(true);
    expect(listed.items).toStrictEqual([moved]);
  });

  it("is asked four times, then the caller must try again", async () => {
    const { run } = await store().create(newRun());
    const before = proxy.calls.length;
    proxy.break({ type: "refused", status: 400, error: "ThrottlingException" }, any, 4);

    const failure: unknown = await store()
      .transition(run, succeeded(), { now: NOW })
      .catch((thrown: unknown) => thrown);

    expect(failure).toMatchObject({ name: "ThrottlingException" });
    expect(failure).not.toBeInstanceOf(PermanentError);
    expect(proxy.calls.length - before).toBe(4);
    expect(await store().get(run.id)).toStrictEqual(run);
  });

  it("breaks off a stream of due runs rather than pass some over", async () => {
    await store().create(newRun());
    proxy.break({ type: "refused", status: 400, error: "ThrottlingException" }, any, 99);

    await expect(Array.fromAsync(store().due(NOW, "cloud"))).rejects.toMatchObject({
      name: "ThrottlingException",
    });
  });
});

describe("a creator that dies", () => {
  const die = () =>
    proxy.break({ type: "refused", status: 400, error: "ValidationException" }, head);

  it("after the body leaves no run, and its next try completes it", async () => {
    const run = newRun();
    die();

    await expect(store().create(run)).rejects.toThrow("refused by the proxy");
    expect(await store().get(run.id)).toBeUndefined();
    expect(await store().body(run.id)).toBeUndefined();

    expect((await store().create(run)).created).toBe(true);
    expect(await sortKeys(`run#${run.id}`)).toHaveLength(2);
  });

  it("leaves nothing that another one's run is mixed up with", async () => {
    const run = newRun({ body: { received: "first" } });
    die();
    await expect(store().create(run)).rejects.toThrow("refused by the proxy");

    await store().create({ ...run, name: "second", body: { received: "second" } });

    expect(await store().get(run.id)).toMatchObject({ name: "second" });
    expect(await store().body(run.id)).toStrictEqual({ received: "second" });
  });

  it("loses its body to the run that is there already", async () => {
    const run = newRun({ body: { received: "first" } });
    await store().create(run);

    const { created } = await store().create({ ...run, body: { received: "second" } });

    expect(created).toBe(false);
    expect(await store().body(run.id)).toStrictEqual({ received: "first" });
    expect(await sortKeys(`run#${run.id}`)).toHaveLength(2);
  });
});
