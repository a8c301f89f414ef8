import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { eventBus } from "../../src/aws/bus.ts";

interface Entry {
  readonly EventBusName: string;
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
}

const closings: (() => void)[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const close of closings.splice(0)) close();
});

/** EventBridge over HTTP, as far as PutEvents goes: it refuses what `refuses` says, or everything. */
async function fakeBus(refuses: (entry: Entry) => boolean = () => false, status = 200) {
  const batches: Entry[][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { Entries } = JSON.parse(Buffer.concat(chunks).toString()) as { Entries: Entry[] };
      batches.push(Entries);
      const refusal = { ErrorCode: "ThrottlingException", ErrorMessage: "later" };
      const results = Entries.map((entry) => (refuses(entry) ? refusal : { EventId: "1" }));
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
      response.end(JSON.stringify({ FailedEntryCount: 0, Entries: results }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closings.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  // The SDK reads these of its process by itself.
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${port}`);
  const put = eventBus({ AWS_REGION: "us-east-1", SLUICE_BUS: "sluice-test" });
  return { put, batches };
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

  test("that cannot be asked throws, so that the stream sends the changes again", async () => {
    const { put } = await fakeBus(() => false, 400);
    await expect(put(details)).rejects.toThrow();
  });
});
