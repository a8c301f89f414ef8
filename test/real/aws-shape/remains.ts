import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, ListRulesCommand } from "@aws-sdk/client-eventbridge";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Aws } from "./deployment.ts";
import { rawAws } from "./runtime/aws.ts";

/** What of a deployment is there: tables, queues, rules and functions whose names begin with its own. */
export async function remainsOf({ endpoint, region }: Aws, name: string): Promise<string[]> {
  const at = { endpoint, region };
  const { TableNames = [] } = await new DynamoDBClient(at).send(new ListTablesCommand({}));
  const { QueueUrls = [] } = await new SQSClient(at).send(new ListQueuesCommand({}));
  const { Rules = [] } = await new EventBridgeClient(at).send(new ListRulesCommand({}));
  const { Functions } = await rawAws(endpoint, region).get("lambda", "/2015-03-31/functions");
  const functions = Functions as readonly { readonly FunctionName: string }[];
  const all = [
    ...TableNames.map((table) => ["table", table]),
    ...QueueUrls.map((url) => ["queue", url.slice(url.lastIndexOf("/") + 1)]),
    ...Rules.map(({ Name = "" }) => ["rule", Name]),
    ...functions.map(({ FunctionName }) => ["function", FunctionName]),
  ];
  return all.filter(([, own = ""]) => own.startsWith(name)).map((one) => one.join(" "));
}
