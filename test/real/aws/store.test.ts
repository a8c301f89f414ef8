import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { endBody } from "../../../src/stores/dynamodb/body-end.ts";
import { bodyHash, bodyKey, headKey } from "../../../src/stores/dynamodb/keys.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import type { Table } from "../../../src/stores/dynamodb/table.ts";
import { plus } from "../../../src/time.ts";
import { storeContract } from "../../contracts/store.ts";
import { newRun, START, succeeded } from "../../contracts/store-samples.ts";
import { awsProxy } from "../../fakes/aws-proxy.ts";
import { createTable, type TestTable } from "./table.ts";

const options = { newId: randomUUID };

storeContract("dynamodb", {
  answers: "remote",
  now: START,
  cases: 10,
  async open() {
    const endpoint = inject("dynamodb");
    const table = await createTable(endpoint);
    const proxy = await awsProxy(endpoint);
    const other = table.open();
    return {
      store: dynamoStore(table.open(proxy.endpoint), options),
      reopen: () => dynamoStore(other, options),
      // DynamoDB Local brings its indexes up to date within the write.
      settled: async () => {},
      loseNextAnswer: () =>
        proxy.break({ type: "lost" }, ({ body }) => /"sk":\{"S":"head"\}/.test(body)),
      async close() {
        await proxy.close();
        await table.remove();
      },
    };
  },
});

describe("the body of a run that has ended and is kept for a time", () => {
  let made: TestTable;
  let table: Table;
  beforeEach(async () => {
    made = await createTable(inject("dynamodb"));
    table = made.open();
  });
  afterEach(() => made.remove());
  const store = () => dynamoStore(table, { ...options, keepDays: 30 });
  const expiryOf = async ({ id, body }: ReturnType<typeof newRun>) =>
    (await table.get(bodyKey(id, bodyHash(JSON.stringify(body)))))?.["expires_at"];

  /** A run that has ended, with the end of its body stored. */
  async function ended() {
    const given = newRun();
    const { run } = await store().create(given);
    await store().transition(run, succeeded(), { now: plus(START, 5_000) });
    await endBody(table, (await table.get(headKey(run.id))) ?? {});
    expect(await expiryOf(given)).toBeGreaterThan(0);
    return given;
  }

  it("expires no more once its id and content are those of a new run", async () => {
    const given = await ended();
    // Time to live deletes the items of a run one by one, days late.
    await table.remove(headKey(given.id));

    expect((await store().create(given)).created).toBe(true);

    expect(await expiryOf(given)).toBeUndefined();
    expect(await store().body(given.id)).toStrictEqual(given.body);
  });

  it("still expires after its message has come again", async () => {
    const given = await ended();
    const expires = await expiryOf(given);

    expect((await store().create(given)).created).toBe(false);

    expect(await expiryOf(given)).toBe(expires);
  });
});
