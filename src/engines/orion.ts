import type { EnvMap } from "../agent.ts";
import type { Engine, EngineContext } from "../engine.ts";
import { invalid } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import type { RunConfig } from "../run-config/index.ts";
import { shellCommand } from "./command.ts";

/**
 * Hands the run to Orion, that is Prefect 2 and later: `python -m prefect.engine <run id>`. The run's id
 * is Prefect's own.
 *
 * Its variables come first, so agent and run may override each of them. Of the agent's settings only
 * those are passed on that differ from Prefect's defaults.
 */
export const orionEngine: Engine = {
  name: "orion",
  command: (context) => shellCommand(context.flow.command) ?? engineCommand(context),
  defaults: ({ agent: { prefect } }) => ({
    ...(prefect.api === undefined ? {} : { [API_URL]: prefect.api }),
    ...(prefect.api_key === undefined ? {} : { PREFECT_API_KEY: prefect.api_key }),
    ...(prefect.logging_level === "INFO" ? {} : { PREFECT_LOGGING_LEVEL: prefect.logging_level }),
    ...(prefect.send_flow_run_logs ? {} : { PREFECT_LOGGING_TO_API_ENABLED: "false" }),
  }),
  required: reachableApi,
  secrets: ["PREFECT_API_KEY"],
};

const API_URL = "PREFECT_API_URL";

/** Orion gives its subprocesses the id without dashes, and everything else the id as it is. */
function engineCommand({ run, agent }: EngineContext): readonly string[] {
  const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(run.id);
  const id = agent.backend === "local" && isUuid ? run.id.replaceAll("-", "") : run.id;
  return ["python", "-m", "prefect.engine", id];
}

/**
 * A container knows nothing of a server inside the process that launched it, so without an address its
 * run would not be found. On Docker, an address on this machine is changed for the name by which
 * containers know the machine, unless the container shares the machine's network or the run itself named
 * the address.
 */
function reachableApi({ agent, config }: EngineContext, lower: EnvMap): EnvMap {
  if (agent.backend !== "docker" && agent.backend !== "kubernetes") return {};
  const api = lower[API_URL];
  if (api === undefined || api === null || api === "") {
    throw invalid("the run", [
      {
        path: `run_config.config.env.${API_URL}`,
        message: `expected the address of Prefect's API, which a run in a container cannot do without, got none; set prefect.api on the agent ${agent.name}, or ${API_URL} in the env of agent or run`,
      },
    ]);
  }
  if (agent.backend !== "docker" || typeof api !== "string") return {};
  if (API_URL in config.env || networkMode(config) === "host") return {};
  return { [API_URL]: api.replace(/localhost|127\.0\.0\.1/g, "host.docker.internal") };
}

/** The network mode of a flow runner, or that of a run config's `host_config`. */
function networkMode({ options }: RunConfig): unknown {
  const hostConfig = options["host_config"];
  return options["network_mode"] ?? (isJsonObject(hostConfig) ? hostConfig["network_mode"] : null);
}
