import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { describe, expect, test } from "vitest";
import { apiWith } from "../../functions/api.ts";
import { hashOf } from "../../src/http/tokens.ts";
import { testApp } from "../fakes/app.ts";
import { invocation, RUN } from "./support.ts";

function request(method: string, path: string, body?: unknown): APIGatewayProxyEventV2 {
  const host = "abc123.execute-api.eu-west-1.amazonaws.com";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { host, authorization: "Bearer secret", "content-type": "application/json" },
    requestContext: {
      accountId: "123456789012",
      apiId: "abc123",
      domainName: host,
      domainPrefix: "abc123",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "1",
      routeKey: "$default",
      stage: "$default",
      time: "21/Nov/2026:12:00:00 +0000",
      timeEpoch: 1795262400000,
    },
    isBase64Encoded: false,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

async function api() {
  const test = testApp();
  await test.app.tokens.add({
    name: "me",
    scope: "admin",
    hash: hashOf("secret"),
    createdAt: "2026-11-21T12:00:00.000Z",
  });
  const handler = apiWith(async () => test.app);
  const send = async (event: APIGatewayProxyEventV2) => {
    const { statusCode, body = "" } = await handler(event, invocation());
    return { statusCode, body: JSON.parse(body) as Record<string, unknown> };
  };
  return { ...test, send };
}

describe("the function api", () => {
  test("stores a run and puts its message on the queue", async () => {
    const { send, queue, app } = await api();
    const { statusCode, body } = await send(request("POST", "/runs", { ...RUN, run_id: "a" }));
    expect([statusCode, body["id"]]).toEqual([202, "a"]);
    expect((await app.store.get("a"))?.state.type).toBe("scheduled");
    expect((await queue.receive(10)).map((message) => message.body)).toEqual(['{"run_id":"a"}']);
  });

  test("answers to the name API Gateway gives it", async () => {
    const { send } = await api();
    expect((await send(request("GET", "/health"))).statusCode).toBe(200);
  });

  test("asks for a token", async () => {
    const { send } = await api();
    const event = request("GET", "/runs");
    const { statusCode } = await send({ ...event, headers: { host: event.headers["host"] } });
    expect(statusCode).toBe(401);
  });
});
