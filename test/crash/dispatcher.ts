/**
 * A dispatcher in a process of its own that kills itself with SIGKILL at a given step, so that nothing
 * can tidy up behind it. A step lies before and after each call by which the core touches the outside.
 *
 * Arguments: data folder, step to die at (-1: never). It prints each step, and exits with 0 as soon as
 * every run is final.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import type { App } from "../../src/app.ts";
import type { Backend } from "../../src/backend.ts";
import { openEmbedded } from "../../src/embedded/app.ts";
import { runLoop } from "../../src/embedded/loop.ts";
import { jsonLogger } from "../../src/log.ts";
import { isFinal } from "../../src/run.ts";

const [, , dataFolder = "", dieAt = "-1"] = process.argv;
let steps = 0;

/** Passes one step, or dies on it. */
function step(name: string): void {
  writeSync(1, `${steps} ${name}\n`);
  if (steps === Number(dieAt)) process.kill(process.pid, "SIGKILL");
  steps++;
}

/** Puts a step before and after each call of the named methods. */
function withSteps<T extends object>(port: T, methods: readonly (keyof T & string)[]): T {
  const wrapped = Object.fromEntries(
    methods.map((name) => {
      const method = port[name] as (...values: unknown[]) => Promise<unknown>;
      const stepped = async (...values: unknown[]) => {
        step(`before ${name}`);
        const result = await method(...values);
        step(`after ${name}`);
        return result;
      };
      return [name, stepped];
    }),
  );
  return { ...port, ...wrapped };
}

const embedded = await openEmbedded({
  dataFolder,
  config: join(dataFolder, "sluice.yml"),
  env: process.env as Record<string, string>,
  cwd: process.cwd(),
  log: jsonLogger(
    (line) => void writeSync(2, line),
    () => new Date(),
  ),
  launchLeaseMs: 6_000,
});
const { store } = embedded.app;
const app: App = {
  ...embedded.app,
  agents: embedded.app.agents,
  store: withSteps(store, ["create", "transition"]),
  backend: async (agent): Promise<Backend> =>
    withSteps(await embedded.app.backend(agent), ["plan", "launch", "find"]),
};
const queue = withSteps(embedded.queue, ["done"]);

const stop = new AbortController();
const loop = runLoop({ app, queue }, stop.signal);
for (;;) {
  const { items } = await store.list({});
  if (items.length > 0 && items.every(({ state }) => isFinal(state))) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
stop.abort();
await loop;
embedded.close();
