import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../fakes/serve.ts";

/** An imitation of AWS that is not ours. */
export interface Moto {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts moto's server. Throws, and says how to install it, if it is not there. */
export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn("moto_server", ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const ended = once(child, "exit");
  const kill = () => child.kill();
  process.once("exit", kill);
  const failed = once(child, "error").then(([error]) => {
    throw new Error(
      `moto_server cannot be started (${(error as Error).message}): pip install -r scripts/test/requirements.txt`,
    );
  });
  await Promise.race([failed, ready(url)]);
  return {
    url,
    async close() {
      process.off("exit", kill);
      child.kill();
      await ended;
    },
  };
}

async function ready(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      if ((await fetch(`${url}/moto-api/data.json`)).ok) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(200);
  }
}
