import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { hashOf } from "../../../src/http/tokens.ts";
import type { JsonValue } from "../../../src/json.ts";
import { openTable } from "../../../src/stores/dynamodb/table.ts";
import { dynamoTokens } from "../../../src/stores/dynamodb/tokens.ts";
import { type RunningShape, shapeContract } from "../../contracts/shape.ts";
import { deploy } from "./deployment.ts";

/** The AWS shape, deployed onto moto, its bundles run by a runtime that behaves like Lambda. */
async function open(): Promise<RunningShape> {
  const deployed = await deploy();
  const { endpoint, region, name, runtime } = deployed;
  const client = { endpoint, region };
  const sqs = new SQSClient(client);
  const queue = await sqs.send(new GetQueueUrlCommand({ QueueName: `${name}-runs` }));
  await dynamoTokens(openTable({ table: name, client })).add({
    name: "test",
    scope: "admin",
    hash: hashOf("token"),
    createdAt: new Date().toISOString(),
  });
  return {
    async send(MessageBody) {
      await sqs.send(new SendMessageCommand({ QueueUrl: queue.QueueUrl, MessageBody }));
    },
    async api(method, path, body) {
      const [rawPath = "", rawQueryString = ""] = path.split("?");
      const answer = (await runtime.invoke("api", {
        version: "2.0",
        routeKey: "$default",
        rawPath,
        rawQueryString,
        headers: {
          host: "abc.execute-api.eu-west-1.amazonaws.com",
          authorization: "Bearer token",
          "content-type": "application/json",
        },
        requestContext: {
          domainName: "abc.execute-api.eu-west-1.amazonaws.com",
          http: { method, path: rawPath, protocol: "HTTP/1.1", sourceIp: "192.0.2.1" },
          stage: "$default",
        },
        isBase64Encoded: false,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })) as APIGatewayProxyStructuredResultV2;
      if ((answer.statusCode ?? 500) >= 400) throw new Error(`${path}: ${answer.body}`);
      return JSON.parse(answer.body ?? "null") as JsonValue;
    },
    jobs: async (runId) => deployed.tasks.count(runId),
    close: () => deployed.close(),
  };
}

shapeContract("AWS", { open, patienceMs: 60_000 });
