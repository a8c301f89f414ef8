import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { registryContract } from "../../contracts/registry.ts";
import { tokensContract } from "../../contracts/tokens.ts";
import { createTable } from "./table.ts";

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
