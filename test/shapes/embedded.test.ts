import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbedded } from "../../src/embedded/app.ts";
import { runLoop } from "../../src/embedded/loop.ts";
import { httpApp } from "../../src/http/app.ts";
import { hashOf } from "../../src/http/tokens.ts";
import type { JsonValue } from "../../src/json.ts";
import { silentLogger } from "../../src/log.ts";
import { type RunningShape, shapeContract } from "../contracts/shape.ts";

/** The embedded shape on a data folder of its own, with processes of this machine. */
async function open(): Promise<RunningShape> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-shape-"));
  const embedded = await openEmbedded({
    dataFolder: join(folder, "data"),
    config: join(folder, "sluice.yml"),
    env: { PATH: process.env["PATH"] ?? "" },
    cwd: folder,
    log: silentLogger,
  });
  const { app } = embedded;
  // Between two deliveries nobody waits here.
  const queue = {
    ...embedded.queue,
    release: (receipt: string) => embedded.queue.release(receipt, 0),
  };
  const closing = new AbortController();
  const loop = runLoop({ app, queue }, closing.signal);
  await app.tokens.add({
    name: "test",
    scope: "admin",
    hash: hashOf("token"),
    createdAt: new Date().toISOString(),
  });
  const http = httpApp(app);
  return {
    send: (body) => app.queue.send([{ body }]),
    async api(method, path, body) {
      const response = await http.request(`http://localhost${path}`, {
        method,
        headers: {
          host: "localhost",
          authorization: "Bearer token",
          "content-type": "application/json",
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as JsonValue;
    },
    async jobs(runId) {
      const folders = readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" });
      return folders.filter((name) => name.endsWith("claim") && name.includes(runId)).length;
    },
    async close() {
      closing.abort();
      await loop;
      embedded.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

shapeContract("embedded", { open, patienceMs: 20_000 });
