import type { EnvValue } from "../../agent.ts";
import type { LaunchRequest } from "../../backend.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import { isAllowed } from "./fences.ts";
import type { DockerOptions } from "./options.ts";

/** How a container is connected. */
export interface Networking {
  /** The network mode; undefined leaves it to the engine, or to a host config that sets one. */
  readonly mode: string | undefined;
  /** Joined when the container is made, then those joined before it starts. */
  readonly networks: readonly string[];
  readonly warnings: readonly string[];
}

/** Networks that are modes at the same time: to join them is to have no network of one's own. */
const MODES = ["host", "none"];

/**
 * Says how the container of a run is connected. The networks of the agent go for every run, unless a
 * flow runner names its own, or a network mode.
 *
 * As Orion does, a run of engine `orion` that would not reach an API on this machine shares the network
 * of the machine (Linux only). The address of the agent decides; that of a run only if the agent allows
 * it `network_mode`, because it would open the machine.
 */
export function networkingOf(
  { config, agent, engine }: LaunchRequest,
  options: DockerOptions,
  platform: string,
): Networking {
  const own = runnerNetworks(config.options);
  if (config.dialect === "prefect1") {
    const [first] = options.networks;
    const mode = first !== undefined && MODES.includes(first) ? first : undefined;
    return { mode, networks: options.networks, warnings: [] };
  }
  const mode = networkModeOf(config.options);
  if (mode !== undefined) return { mode, networks: [], warnings: [] };
  const networks = own.length > 0 ? own : options.networks;
  if (networks.length > 0) return { mode: networks[0], networks, warnings: [] };
  if (engine.name !== "orion" || platform !== "linux") return NOTHING;
  const ofRun = config.env[API_URL];
  if (!isLocal(ofRun ?? agent.env[API_URL] ?? agent.prefect.api)) return NOTHING;
  if (ofRun === undefined || ofRun === null || isAllowed("network_mode", agent.allow)) {
    return { ...NOTHING, mode: "host" };
  }
  return { ...NOTHING, warnings: [NOT_SHARED] };
}

/** The networks a flow runner names. */
export function runnerNetworks(options: JsonObject): readonly string[] {
  const networks = options["networks"];
  return Array.isArray(networks) ? networks.map(String) : [];
}

/** The network mode of a flow runner, or of the host config of a run config. */
export function networkModeOf(options: JsonObject): string | undefined {
  const hostConfig = options["host_config"];
  const mode =
    options["network_mode"] ?? (isJsonObject(hostConfig) ? hostConfig["network_mode"] : undefined);
  return typeof mode === "string" && mode !== "" ? mode : undefined;
}

const NOTHING: Networking = { mode: undefined, networks: [], warnings: [] };

const API_URL = "PREFECT_API_URL";

const NOT_SHARED =
  "PREFECT_API_URL of the run is an address on this machine, which its container cannot reach: the agent does not allow network_mode";

function isLocal(url: EnvValue | undefined): boolean {
  if (typeof url !== "string" || !URL.canParse(url)) return false;
  return ["localhost", "127.0.0.1"].includes(new URL(url).hostname);
}
