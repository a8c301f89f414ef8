import { get } from "node:http";
import { describe, expect, test } from "vitest";
import { dispatch } from "../../src/dispatch.ts";
import { changeFeed } from "../../src/http/events.ts";
import { startServer } from "../../src/http/server.ts";
import { newToken } from "../../src/http/tokens.ts";
import { testApp } from "../fakes/app.ts";

const FLOW = { name: "load", command: "true" };

async function server() {
  const changes = changeFeed();
  const t = testApp({ changed: (change) => changes.publish(change) });
  const { text, token } = newToken("me", "admin", "2026-11-21T12:00:00.000Z");
  await t.app.tokens.add(token);
  const running = await startServer({ app: t.app, port: 0, changes });
  const headers = { authorization: `Bearer ${text}` };
  return { ...t, ...running, headers };
}

/** Reads a stream of events until `wanted` many have come. */
async function readEvents(response: Response, wanted: number): Promise<string[]> {
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    text += value ?? "";
    const events = text.split("\n\n").filter((part) => part.startsWith("event: "));
    if (done || events.length >= wanted) {
      await reader.cancel();
      return events;
    }
  }
}

describe("the server", () => {
  test("serves the API over a socket", async () => {
    const { url, headers, close } = await server();
    const response = await fetch(`${url}/runs`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ flow: FLOW }),
    });
    expect(response.status).toBe(202);
    await close();
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  test("streams each change of a state as an event", async () => {
    const t = await server();
    const response = await fetch(`${t.url}/events`, { headers: t.headers });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const events = readEvents(response, 2);
    await dispatch(t.app, { id: "m", body: JSON.stringify({ run_id: "r1", flow: FLOW }) });
    expect((await events).map((event) => JSON.parse(event.split("data: ")[1] ?? "").state)).toEqual(
      ["launching", "submitted"],
    );
    await t.close();
  });

  test("ends streams when it closes", async () => {
    const t = await server();
    const response = await fetch(`${t.url}/events`, { headers: t.headers });
    const ended = readEvents(response, 1).catch(() => "cut off");
    await t.close();
    expect(await ended).toEqual(expect.anything());
  });

  test("answers to its address, to loopback and to the names it is given, and to no others", async () => {
    const { app } = testApp();
    const allowHosts = ["Sluice.example.com", "fd00::1"];
    const running = await startServer({ app, port: 0, host: "127.0.0.1", allowHosts });
    const port = Number(new URL(running.url).port);
    const status = (host: string) =>
      new Promise((resolve, reject) => {
        get({ port, host: "127.0.0.1", path: "/health", headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on("error", reject);
      });
    for (const host of [
      "127.0.0.1",
      "localhost:4300",
      "sluice.example.com",
      "SLUICE.example.com:80",
      "[fd00::1]:4300",
    ]) {
      expect(await status(host), host).toBe(200);
    }
    for (const host of ["example.com", "[fd00::2]", "sluice.example.com.evil.test"]) {
      expect(await status(host), host).toBe(421);
    }
    await running.close();
  });

  test("writes an IPv6 address in brackets", async (context) => {
    const { app } = testApp();
    const running = await startServer({ app, port: 0, host: "::1" }).catch((error: unknown) => {
      if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(String(error))) return undefined;
      throw error;
    });
    if (running === undefined) return context.skip("this machine has no IPv6");
    expect(running.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${running.url}/health`)).status).toBe(200);
    await running.close();
  });

  test("says which address is taken", async () => {
    const t = await server();
    const port = Number(new URL(t.url).port);
    await expect(startServer({ app: t.app, port })).rejects.toThrow(
      `the API cannot listen on 127.0.0.1:${port}`,
    );
    await t.close();
  });
});

describe("a reader of events that is too slow", () => {
  test("is cut off instead of filling the memory", async () => {
    const { eventStream } = await import("../../src/http/events.ts");
    const changes = changeFeed();
    const t = testApp();
    await dispatch(t.app, { id: "m", body: JSON.stringify({ run_id: "r1", flow: FLOW }) });
    const run = await t.app.store.get("r1");
    if (run === undefined) throw new Error("expected a run");
    const call = { signal: new AbortController().signal };
    const response = await eventStream(changes).handle(call as never);
    for (let index = 0; index < 10_000; index++) changes.publish({ run });
    const text = await new Response((response as Response).body).text();
    expect(text.length).toBeGreaterThan(500_000);
    expect(text.length).toBeLessThan(2_000_000);
  });
});
