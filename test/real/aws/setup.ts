import type { TestProject } from "vitest/node";
import { startDynamoDbLocal } from "./dynamodb-local.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Address of the DynamoDB of this test run. */
    readonly dynamodb: string;
  }
}

/** One DynamoDB for all tests of the project; each test makes tables of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dynamodb = await startDynamoDbLocal();
  project.provide("dynamodb", dynamodb.endpoint);
  return () => dynamodb.close();
}
