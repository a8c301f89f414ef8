import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { describe, expect, test } from "vitest";
import { apiWith } from "../../functions/api.ts";
import { hashOf } from "../../src/http/tokens.ts";
import { testApp } from "../fakes/app.ts";
import { apiRequest, invocation, RUN } from "./support.ts";

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
    const { statusCode, body } = await send(apiRequest("POST", "/runs", { ...RUN, run_id: "a" }));
    expect([statusCode, body["id"]]).toEqual([202, "a"]);
    expect((await app.store.get("a"))?.state.type).toBe("scheduled");
    expect((await queue.receive(10)).map((message) => message.body)).toEqual(['{"run_id":"a"}']);
  });

  test("answers to the name API Gateway gives it", async () => {
    const { send } = await api();
    expect((await send(apiRequest("GET", "/health"))).statusCode).toBe(200);
  });

  test("asks for a token", async () => {
    const { send } = await api();
    const event = apiRequest("GET", "/runs");
    const { statusCode } = await send({ ...event, headers: { host: event.headers["host"] } });
    expect(statusCode).toBe(401);
  });
});
