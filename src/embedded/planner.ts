import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../backend.ts";
import { type Agents, openAgents } from "../backends/open.ts";
import { launchRates } from "../launch-rates.ts";
import { type PlanAnswer, planLine } from "../plan.ts";
import type { RegisteredFlow } from "../registry.ts";
import type { EmbeddedOptions } from "./app.ts";
import { openConfigFile } from "./config-file.ts";
import { readersOnThisMachine } from "./readers.ts";

/** Plans requests on one machine without a data folder; if there is one, flows are read from it. */
export interface Planner {
  /** The answer to a line of JSON; never throws. */
  plan(line: string, options: { readonly showSecrets: boolean }): Promise<PlanAnswer>;
  close(): void;
}

/** Opens a planner. Throws `PermanentError` with all faults of `sluice.yml`. */
export async function openPlanner(
  options: Omit<EmbeddedOptions, "changed" | "show" | "launchLeaseMs">,
): Promise<Planner> {
  const { log, dataFolder } = options;
  const closing = new AbortController();
  const agents = planningAgents(options, closing.signal);
  const config = await openConfigFile(options.config, {
    required: options.configRequired ?? false,
    log,
    parse: agents.parse,
  });
  const flows = flowsIn(dataFolder);
  const app = {
    agents: config.agents,
    agentFrom: agents.parseOne,
    backend: agents.open,
    newId: () => randomUUID(),
    registry: { flow: flows.flow },
  };
  return {
    plan: (line, { showSecrets }) => planLine(app, line, { showSecrets }),
    close() {
      closing.abort();
      flows.close();
    },
  };
}

/** Reads agents and opens their backends as far as planning needs them: nothing can be launched. */
function planningAgents(
  { env, cwd, log }: Pick<EmbeddedOptions, "env" | "cwd" | "log">,
  closing: AbortSignal,
): Agents {
  const now = () => new Date();
  const world: World = {
    now,
    env,
    cwd,
    log,
    ...readersOnThisMachine({ env, cwd, now }),
    // Planning changes nothing, so there is nothing to be made once.
    once: (_key, make) => make(),
    launchRates: launchRates({ processes: 1, now }),
    closing,
  };
  return openAgents(world);
}

/** The registered flows of a data folder, opened only when one is asked for, and only if it is there. */
function flowsIn(dataFolder: string) {
  const path = join(dataFolder, "sluice.db");
  let opened: Promise<{
    flow(name: string, version?: number): Promise<RegisteredFlow | undefined>;
    close(): void;
  }>;
  let close = () => {};
  return {
    async flow(name: string, version?: number) {
      if (!existsSync(path)) return undefined;
      opened ??= openFlows(path);
      const flows = await opened;
      close = flows.close;
      return flows.flow(name, version);
    },
    close: () => close(),
  };
}

async function openFlows(path: string) {
  const [{ openSqlite }, { sqliteRegistry }] = await Promise.all([
    import("../stores/sqlite/database.ts"),
    import("../stores/sqlite/flows.ts"),
  ]);
  const db = openSqlite(path);
  const now = () => new Date();
  const registry = sqliteRegistry(db, { now, newId: randomUUID, sleep: async () => undefined });
  return { flow: registry.flow, close: () => db.close() };
}
