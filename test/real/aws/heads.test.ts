import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, inject } from "vitest";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import { smallHeads } from "../../contracts/heads.ts";
import { createTable, type TestTable } from "./table.ts";

describe("heads on dynamodb", () => {
  let table: TestTable;
  beforeAll(async () => {
    table = await createTable(inject("dynamodb"));
  });
  afterAll(() => table.remove());

  smallHeads(() => dynamoStore(table.open(), { newId: randomUUID }), 30);
});
