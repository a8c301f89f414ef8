import type { Agent, EnvMap, EnvValue } from "../agent.ts";
import type { EngineContext } from "../engine.ts";
import { labelListText } from "../text/python.ts";

/**
 * The variables Prefect 1's agents set and nobody may override, in the order in which the agent of this
 * backend sets them. What is not known, such as the id of a flow that has none, is left out.
 */
export function requiredVariables(context: EngineContext): EnvMap {
  const known: Readonly<Record<string, EnvValue | undefined>> = valuesOf(context);
  const order: Readonly<Record<string, readonly string[]>> = ORDER;
  const variables: Record<string, EnvValue> = {};
  for (const name of order[context.agent.backend] ?? ORDER.kubernetes) {
    const value = known[name];
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

/**
 * The address of the API as a container on Docker reaches it. Where the configured one contains
 * `localhost`, Prefect replaces it whole, path and port included: by the server's own container when the
 * agent is in the network `prefect-server`, else by the machine.
 */
export function dockerApi(agent: Agent): string {
  const api = apiOf(agent);
  if (!api.includes("localhost")) return api;
  const networks = agent.options["networks"];
  const besideServer = Array.isArray(networks) && networks.includes("prefect-server");
  return `http://${besideServer ? "apollo" : "host.docker.internal"}:${SERVER_PORT}`;
}

/** Where Prefect's server listens unless it is told otherwise. */
const SERVER_PORT = 4200;

function apiOf({ prefect: { api, backend } }: Agent): string {
  if (api !== undefined) return api;
  return backend === "cloud" ? "https://api.prefect.io" : `http://localhost:${SERVER_PORT}`;
}

const BACKEND = "PREFECT__BACKEND";
const API = "PREFECT__CLOUD__API";
const KEY = "PREFECT__CLOUD__API_KEY";
const TENANT = "PREFECT__CLOUD__TENANT_ID";
const LABELS = "PREFECT__CLOUD__AGENT__LABELS";
const RUN = "PREFECT__CONTEXT__FLOW_RUN_ID";
const FLOW = "PREFECT__CONTEXT__FLOW_ID";
const IMAGE = "PREFECT__CONTEXT__IMAGE";
const SECRETS = "PREFECT__CLOUD__USE_LOCAL_SECRETS";
const RUNNER = "PREFECT__ENGINE__FLOW_RUNNER__DEFAULT_CLASS";
const LOG = "PREFECT__LOGGING__LOG_TO_CLOUD";
const TOKEN = "PREFECT__CLOUD__AUTH_TOKEN";

function valuesOf({ run, flow, agent, image }: EngineContext) {
  const { backend, api_key: apiKey, tenant_id: tenantId, send_flow_run_logs } = agent.prefect;
  // A local process inherits variables, and null is what removes one.
  const none = agent.backend === "local" ? null : "";
  const hasKey = apiKey !== undefined && apiKey !== "";
  return {
    [BACKEND]: backend,
    [API]: apiOf(agent),
    [KEY]: hasKey ? apiKey : none,
    [TENANT]: (hasKey ? tenantId : undefined) ?? none,
    [LABELS]: labelListText(agent.labels),
    [RUN]: run.id,
    [FLOW]: flow.id,
    [IMAGE]: image,
    [SECRETS]: "false",
    [RUNNER]: "prefect.engine.cloud.CloudFlowRunner",
    [LOG]: String(send_flow_run_logs),
    [TOKEN]: hasKey ? apiKey : none,
  };
}

/**
 * On ECS the image stands in the task definition; on Docker the address of the API may be overridden; a
 * local process is not told to log to the cloud, for it inherits its agent's settings.
 */
const ORDER = {
  ecs: [SECRETS, RUNNER, BACKEND, API, RUN, FLOW, KEY, TENANT, LABELS, LOG, TOKEN],
  vertex: [BACKEND, API, KEY, TENANT, LABELS, RUN, FLOW, SECRETS, RUNNER, LOG, TOKEN],
  kubernetes: [BACKEND, LABELS, API, KEY, TENANT, SECRETS, RUN, FLOW, IMAGE, RUNNER, LOG, TOKEN],
  docker: [BACKEND, KEY, TENANT, LABELS, RUN, FLOW, IMAGE, SECRETS, RUNNER, LOG, TOKEN],
  local: [BACKEND, API, KEY, TENANT, LABELS, RUN, FLOW, SECRETS, RUNNER],
} as const;
