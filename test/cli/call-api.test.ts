import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type Call, callApi } from "../../src/cli/call-api.ts";
import { PermanentError } from "../../src/errors.ts";
import { serve } from "../fakes/serve.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server of the test's own, and every request it got. */
async function apiThat(
  answer: (request: IncomingMessage, response: ServerResponse, n: number) => void,
) {
  const requests: IncomingMessage[] = [];
  const { url, close } = await serve((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  closing.push(close);
  return { api: { url: `${url}/`, token: "t" }, requests };
}

const GET: Call = { method: "GET", path: "/runs", repeatable: true };
const POST: Call = { method: "POST", path: "/runs", body: { flow: "a" }, repeatable: true };

describe("a call of the API", () => {
  test("carries token, query and body, and brings back the document", async () => {
    const { api, requests } = await apiThat((_, response) =>
      response.writeHead(202).end('{"id":"x"}'),
    );
    expect(await callApi(api, POST)).toEqual({ status: 202, body: { id: "x" } });
    await callApi(api, { ...GET, query: { label: "a&b=ü" } });
    expect(requests[0]?.headers).toMatchObject({
      authorization: "Bearer t",
      "content-type": "application/json",
    });
    expect(requests[1]?.url).toBe("/runs?label=a%26b%3D%C3%BC");
  });

  test("is repeated with the same key when its answer is lost", async () => {
    const { api, requests } = await apiThat((request, response, n) => {
      if (n === 1) request.socket.destroy();
      else response.end('{"id":"x"}');
    });
    expect(await callApi(api, POST)).toEqual({ status: 200, body: { id: "x" } });
    const keys = requests.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).toMatch(/^[\w-]{36}$/);
  });

  test("that must not happen twice is not repeated", async () => {
    const { api, requests } = await apiThat((request) => request.socket.destroy());
    await expect(callApi(api, { ...POST, repeatable: false })).rejects.toThrow("cannot be reached");
    expect(requests).toHaveLength(1);
  });

  test.each([429, 502, 503, 504])(
    "that %i says nobody had time for is repeated with the same key",
    async (status) => {
      const { api, requests } = await apiThat((_, response, n) => {
        if (n === 1) response.writeHead(status).end('{"message":"Not now"}');
        else response.end('{"id":"x"}');
      });
      expect(await callApi(api, POST)).toEqual({ status: 200, body: { id: "x" } });
      const keys = requests.map(({ headers }) => headers["idempotency-key"]);
      expect(keys).toEqual([expect.any(String), keys[0]]);
    },
  );

  test("that came too often is repeated twice at most, and never if it must not happen twice", async () => {
    const { api: busy, requests: asked } = await apiThat((_, response) =>
      response.writeHead(429).end('{"message":"Too Many Requests"}'),
    );
    const call = { ...POST, repeatable: false };
    await expect(callApi(busy, call)).rejects.toThrow("status 429: Too Many Requests");
    expect(asked).toHaveLength(1);
    await expect(callApi(busy, GET)).rejects.toThrow("status 429: Too Many Requests");
    expect(asked).toHaveLength(4);
  });

  test("throws the code and the faults of a problem document", async () => {
    const issues = [{ path: "flow", message: "expected a flow" }];
    const { api } = await apiThat((_, response) =>
      response.writeHead(422).end(JSON.stringify({ code: "invalid", detail: "not valid", issues })),
    );
    const error = await callApi(api, POST).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(PermanentError);
    expect(error).toMatchObject({ code: "invalid", message: "not valid", issues });
  });

  test.each([
    [
      500,
      '{"code":"internal","detail":"a fault of Sluice"}',
      /failed with status 500: a fault of Sluice/,
    ],
    [418, '{"code":"teapot","title":"short and stout"}', /failed with status 418: short and stout/],
    [
      503,
      '{"message":"Service Unavailable"}',
      /the API at \S+ failed with status 503: Service Unavailable$/,
    ],
    [502, "<html>hunter2</html>", /is not the API of Sluice: status 502/],
    [200, "<html>hunter2</html>", /is not the API of Sluice: status 200/],
    [404, "[]", /is not the API of Sluice: status 404/],
  ])("answered with %i %s is a failure that may pass", async (status, text, message) => {
    const { api } = await apiThat((_, response) => response.writeHead(status).end(text));
    const error = await callApi(api, GET).catch((error: unknown) => error);
    expect(error).not.toBeInstanceOf(PermanentError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("hunter2");
  });

  test("is not led elsewhere with its token", async () => {
    const { api, requests } = await apiThat((_, response) =>
      response.writeHead(302, { location: "/elsewhere" }).end(),
    );
    await expect(callApi(api, { ...GET, repeatable: false })).rejects.toThrow();
    expect(requests).toHaveLength(1);
  });

  test("needs an address", async () => {
    await expect(callApi({ url: "localhost", token: undefined }, GET)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("SLUICE_API_URL"),
    });
  });
});
