import type { Agent } from "../../src/agent.ts";
import type { BackendModule, World } from "../../src/backend.ts";
import { parseAgent } from "../../src/config.ts";
import type { JsonObject } from "../../src/json.ts";
import { type PlanAnswer, plan } from "../../src/plan.ts";
import { testWorld } from "../fakes/world.ts";

/** The parts of a vector that all backends share. */
export interface PlanVector {
  readonly name: string;
  readonly tags: readonly string[];
  readonly agent: JsonObject;
  /** Prefect's configuration, such as `cloud.api_key`. */
  readonly config?: JsonObject;
  readonly flow: JsonObject;
  readonly flow_run: JsonObject;
  readonly run_config: JsonObject | null;
  readonly expect: JsonObject;
}

/** What a test of one backend adds. */
export interface PlanVectorOptions {
  readonly module: BackendModule;
  /** Agent options beside those that `agentOf` translates. */
  readonly agent?: JsonObject;
  readonly world?: Partial<World>;
}

/** Plans the run of a vector on its agent, with secrets shown. */
export async function planVector(
  vector: PlanVector,
  { module, agent, world }: PlanVectorOptions,
): Promise<PlanAnswer> {
  const inline = { ...agentOf(vector, module.name), ...agent };
  const message = {
    run_id: vector.flow_run["id"],
    ...(typeof vector.flow_run["name"] === "string" ? { name: vector.flow_run["name"] } : {}),
    flow: vector.flow,
    ...(vector.run_config === null ? {} : { run_config: vector.run_config }),
    labels: inline["labels"] ?? [],
    agent: inline,
  };
  const app = {
    agents: [],
    agentFrom: async (value: unknown): Promise<Agent> =>
      parseAgent("inline", value, () => module.agentOptions),
    backend: async (opened: Agent) => module.open(opened, testWorld(world)),
    registry: { flow: async () => undefined },
    newId: () => "00000000-0000-4000-8000-000000000000",
  };
  return plan(app, message, { showSecrets: true });
}

/** Prefect's agent options and configuration in the words of `sluice.yml`. */
export function agentOf({ agent, config = {} }: PlanVector, backend: string): JsonObject {
  const { env_vars, labels, no_cloud_logs, ...options } = agent;
  const sends =
    typeof no_cloud_logs === "boolean" ? !no_cloud_logs : config["cloud.send_flow_run_logs"];
  const prefect = {
    backend: config["backend"],
    api: config["cloud.api"],
    api_key: config["cloud.api_key"],
    tenant_id: config["cloud.tenant_id"],
    logging_level: config["logging.level"],
    send_flow_run_logs: sends,
  };
  return {
    backend,
    ...options,
    ...(env_vars === undefined || env_vars === null ? {} : { env: env_vars }),
    ...(labels === undefined || labels === null ? {} : { labels }),
    prefect: Object.fromEntries(Object.entries(prefect).filter(([, value]) => value !== undefined)),
    allow: ["*"],
  };
}
