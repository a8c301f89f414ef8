import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import { storeContract } from "../../contracts/store.ts";
import { START } from "../../contracts/store-samples.ts";
import { awsProxy } from "../../fakes/aws-proxy.ts";
import { createTable } from "./table.ts";

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
