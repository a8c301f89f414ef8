import { randomUUID } from "node:crypto";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
} from "@aws-sdk/client-dynamodb";
import { TABLE } from "../../../src/stores/dynamodb/schema.ts";
import { openTable, type Table } from "../../../src/stores/dynamodb/table.ts";

/** A new and empty table. */
export interface TestTable {
  readonly name: string;
  /** The table, through a client of its own each time, at this address or the one it was made at. */
  open(endpoint?: string): Table;
  remove(): Promise<void>;
}

/** What a client is told of a DynamoDB that asks nobody for keys. */
export function clientAt(endpoint: string): DynamoDBClientConfig {
  return {
    region: "eu-west-1",
    endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
}

/** Makes a table as the templates of the AWS shape describe it. */
export async function createTable(endpoint: string): Promise<TestTable> {
  const name = `sluice-${randomUUID()}`;
  const client = new DynamoDBClient(clientAt(endpoint));
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: TABLE.BillingMode,
      KeySchema: [...TABLE.KeySchema],
      AttributeDefinitions: [...TABLE.AttributeDefinitions],
      GlobalSecondaryIndexes: TABLE.GlobalSecondaryIndexes.map((index) => ({
        IndexName: index.IndexName,
        KeySchema: [...index.KeySchema],
        Projection: {
          ProjectionType: index.Projection.ProjectionType,
          NonKeyAttributes: [...index.Projection.NonKeyAttributes],
        },
      })),
    }),
  );
  return {
    name,
    open: (at = endpoint) => openTable({ table: name, client: clientAt(at) }),
    async remove() {
      await client.send(new DeleteTableCommand({ TableName: name }));
      client.destroy();
    },
  };
}
