import type { World } from "../../src/backend.ts";
import { launchRates } from "../../src/launch-rates.ts";
import { silentLogger } from "../../src/log.ts";

/** A world in which nothing can be read, but for what a test gives. */
export function testWorld(world: Partial<World> = {}): World {
  const { now = () => new Date("2026-11-21T12:00:00.000Z") } = world;
  return {
    now,
    env: {},
    cwd: "/",
    log: silentLogger,
    readTemplate: async (uri) => {
      throw new Error(`no template ${uri}`);
    },
    secret: async (reference) => {
      throw new Error(`no secret ${reference}`);
    },
    once: async (_key, make) => make(),
    launchRates: launchRates({ processes: 1, now }),
    closing: new AbortController().signal,
    ...world,
  };
}
