import { afterEach, describe, expect, test, vi } from "vitest";
import { eventBus } from "../../src/aws/bus.ts";
import { type LogFields, silentLogger } from "../../src/log.ts";
import { answerServer } from "../fakes/answers.ts";

interface Entry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
}

const closings: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closings.splice(0)) await close();
});

/** EventBridge over HTTP, as far as PutEvents goes: it refuses what `refuses` says, or everything. */
async function fakeBus(refuses: (entry: Entry) => boolean = () => false, status = 200) {
  const batches: Entry[][] = [];
  const server = await answerServer(({ body }, response) => {
    const { Entries } = JSON.parse(body) as { Entries: Entry[] };
    batches.push(Entries);
    const refusal = { ErrorCode: "ThrottlingException", ErrorMessage: "later" };
    const results = Entries.map((entry) => (refuses(entry) ? refusal : { EventId: "1" }));
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
    response.end(JSON.stringify({ FailedEntryCount: 0, Entries: results }));
  });
  closings.push(() => server[Symbol.asyncDispose]());
  // The SDK reads these of its process by itself.
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  vi.stubEnv("AWS_ENDPOINT_URL", server.endpoint);
  const lines: { readonly message: string; readonly fields?: LogFields }[] = [];
  const error = (message: string, fields: LogFields = {}) => void lines.push({ message, fields });
  const env = { AWS_REGION: "us-east-1", SLUICE_BUS: "sluice-test" };
  return { put: eventBus(env, { ...silentLogger, error }), batches, lines };
}

const details = Array.from({ length: 25 }, (_, number) => ({ number }));

describe("the event bus", () => {
  test("is given every change in order, ten at a time, under one name", async () => {
    const { put, batches } = await fakeBus();
    expect(await put(details)).toBe(25);
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(batches.flat().map(({ Detail }) => JSON.parse(Detail))).toEqual(details);
    expect(batches[0]?.[0]).toMatchObject({
      EventBusName: "sluice-test",
      Source: "sluice",
      DetailType: "Sluice Run State Change",
    });
  });

  test("that refuses one says how many went before it, and gets nothing after its batch", async () => {
    const { put, batches } = await fakeBus(({ Detail }) => Detail === '{"number":13}');
    expect(await put(details)).toBe(13);
    expect(batches).toHaveLength(2);
  });

  test("is given large events in batches that it takes", async () => {
    const { put, batches } = await fakeBus();
    const large = Array.from({ length: 10 }, (_, number) => ({ number, text: "é".repeat(45_000) }));
    expect(await put(large)).toBe(10);
    expect(batches.map((batch) => batch.length)).toEqual([2, 2, 2, 2, 2]);
    for (const batch of batches) {
      const bytes = batch.flatMap((entry) => Object.values(entry)).join("");
      expect(Buffer.byteLength(bytes)).toBeLessThanOrEqual(262_144);
    }
  });

  test("is not asked about an event it never takes, which is told and holds up no other", async () => {
    const { put, batches, lines } = await fakeBus(({ Detail }) => Detail === '{"number":3}');
    const huge = { run: { id: "r-huge" }, text: "x".repeat(262_144) };
    expect(await put([{ number: 1 }, huge, { number: 2 }])).toBe(3);
    expect(batches.flat().map(({ Detail }) => Detail)).toEqual(['{"number":1}', '{"number":2}']);
    expect(lines).toEqual([
      {
        message: "event not published: no bus takes one of its size",
        fields: { runId: "r-huge", bytes: expect.any(Number) },
      },
    ]);
    expect(await put([huge, { number: 1 }, { number: 3 }])).toBe(2);
    expect(await put([huge])).toBe(1);
  });

  test("that cannot be asked throws, so that the stream sends the changes again", async () => {
    const { put } = await fakeBus(() => false, 400);
    await expect(put(details)).rejects.toThrow();
  });
});
