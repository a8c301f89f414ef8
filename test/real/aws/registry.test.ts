import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { FRESH_MS } from "../../../src/stores/dynamodb/flow-cache.ts";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { registryContract } from "../../contracts/registry.ts";
import { START } from "../../contracts/store-samples.ts";
import { tokensContract } from "../../contracts/tokens.ts";
import { type AwsProxy, awsProxy } from "../../fakes/aws-proxy.ts";
import { testClock } from "../../fakes/clock.ts";
import { createTable, type TestTable } from "./table.ts";

/** Everything is read strongly consistent. */
const settled = async (): Promise<void> => {};

registryContract("dynamodb", {
  cases: 10,
  async open() {
    const table = await createTable(inject("dynamodb"));
    const other = table.open();
    let ahead = 0;
    const options = {
      now: () => new Date(Date.now() + ahead),
      newId: randomUUID,
      random: Math.random,
      sleep: () => sleep(1),
      leaseMs: 60_000,
    };
    return {
      registry: dynamoRegistry(table.open(), options),
      reopen: () => dynamoRegistry(other, options),
      settled,
      outliveMakers() {
        ahead += 60_000;
      },
      close: table.remove,
    };
  },
});

describe("a flow on dynamodb", () => {
  let table: TestTable;
  let proxy: AwsProxy;
  const clock = testClock();
  beforeEach(async () => {
    const endpoint = inject("dynamodb");
    table = await createTable(endpoint);
    proxy = await awsProxy(endpoint);
  });
  afterEach(async () => {
    await proxy.close();
    await table.remove();
  });
  const open = () =>
    dynamoRegistry(table.open(proxy.endpoint), {
      now: clock.now,
      newId: randomUUID,
      random: Math.random,
      sleep: () => sleep(1),
    });

  it("is read once for many runs that name it, with a version or without", async () => {
    await open().register({ name: "load" }, START);
    const registry = open();
    await registry.flow("load");
    await registry.flow("load", 1);
    const before = proxy.calls.length;

    for (let run = 0; run < 10; run++) {
      expect(await registry.flow("load")).toMatchObject({ version: 1 });
      expect(await registry.flow("load", 1)).toMatchObject({ version: 1 });
    }

    expect(proxy.calls.slice(before)).toStrictEqual([]);
  });

  it("has its new version at once where it was registered, and soon elsewhere", async () => {
    const here = open();
    const elsewhere = open();
    await here.register({ name: "load" }, START);
    expect(await elsewhere.flow("load")).toMatchObject({ version: 1 });
    await here.register({ name: "load", command: "new" }, START);

    expect(await here.flow("load")).toMatchObject({ version: 2 });
    expect(await elsewhere.flow("load")).toMatchObject({ version: 1 });
    expect(await elsewhere.flow("load", 2)).toMatchObject({ version: 2 });
    clock.pass(FRESH_MS);
    expect(await elsewhere.flow("load")).toMatchObject({ version: 2 });
  });

  it("is found as soon as it is registered, although it was asked for before", async () => {
    const registry = open();
    expect(await registry.flow("load")).toBeUndefined();
    expect(await registry.flow("load", 1)).toBeUndefined();
    await open().register({ name: "load" }, START);

    expect(await registry.flow("load")).toMatchObject({ version: 1 });
    expect(await registry.flow("load", 1)).toMatchObject({ version: 1 });
  });

  it("is made anew from its newest version, whatever this process takes for that", async () => {
    const here = open();
    const elsewhere = open();
    await here.register({ name: "load" }, START);
    await elsewhere.flow("load");
    await here.register({ name: "load", command: "new" }, START);

    expect(await elsewhere.register({ name: "load" }, START)).toMatchObject({ version: 3 });
  });
});

tokensContract("dynamodb", async () => {
  const table = await createTable(inject("dynamodb"));
  const other = table.open();
  return {
    tokens: dynamoTokens(table.open()),
    reopen: () => dynamoTokens(other),
    settled,
    close: table.remove,
  };
});
