import type { LaunchRequest } from "../../backend.ts";
import { type Issue, invalid, PermanentError } from "../../errors.ts";
import { imageOf } from "../../image.ts";
import type { Installation } from "../../installation.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import { processOf, type RunProcess } from "../../process.ts";
import { hasHostGateway } from "./engine-version.ts";
import { forbiddenInRunner, forbiddenOptions } from "./fences.ts";
import { hostConfigOf } from "./host-config.ts";
import { containerName, type Labels, labelsOf } from "./labels.ts";
import { type Networking, networkingOf, networkModeOf, runnerNetworks } from "./network.ts";
import type { DockerOptions } from "./options.ts";
import { checkRegistry, type PullPolicy, pullPolicyOf } from "./pull.ts";
import { type Volumes, volumesOf } from "./volumes.ts";

/** Everything of a launch that can be said without asking anybody. */
export interface Prepared {
  readonly request: LaunchRequest;
  readonly options: DockerOptions;
  readonly installation: Installation;
  readonly image: string;
  readonly pull: PullPolicy;
  readonly process: RunProcess;
  readonly networking: Networking;
  readonly volumes: Volumes;
  readonly labels: Labels;
  readonly warnings: readonly string[];
}

/** What is only known by asking: the version of the engine, and variables with their secrets. */
export interface Asked {
  /** Undefined if the engine does not say: then it counts as a new one. */
  readonly version: string | undefined;
  readonly env: readonly string[];
}

/** Checks a request and decides all that needs no engine. Throws `PermanentError`. */
export function prepare(
  request: LaunchRequest,
  options: DockerOptions,
  { platform, installation }: { readonly platform: string; readonly installation: Installation },
): Prepared {
  const { flow, config, engine } = request;
  const image = imageOf({ flow, config, engine });
  const pull = pullPolicyOf(image, config, options.no_pull);
  checkRegistry(image, pull, options);
  checkFences(request);
  const networking = networkingOf(request, options, platform);
  const { labels, warnings } = labelsOf(request, {
    autoRemove: isAutoRemoved(config),
    installation,
  });
  return {
    request,
    options,
    installation,
    image,
    pull,
    process: processOf(withMode(request, networking.mode), { image }),
    networking,
    volumes: volumesOf(options.volumes, platform),
    labels,
    warnings: [...warnings, ...networking.warnings],
  };
}

/**
 * What is sent to launch a run: the name of the container, what `/containers/create` takes, whether
 * the image is pulled before (`pull_policy` says if only when it is missing), and the networks
 * connected between creation and start. Throws `PermanentError` ("invalid").
 */
export function toLaunch(prepared: Prepared, asked: Asked): JsonObject {
  const { request, installation, image, pull, process, networking, volumes, labels } = prepared;
  const [first, ...others] = networking.networks;
  const inside = [
    ...volumes.inside,
    ...runnerVolumes(request).map((volume) => volume.split(":")[1] ?? ""),
  ];
  return {
    name: containerName({ runId: request.run.id, launch: request.launch }, installation),
    create: {
      Image: image,
      ...(process.command === undefined ? {} : { Cmd: process.command }),
      Env: asked.env,
      Labels: labels,
      ...exposedPorts(request.config.options["ports"]),
      Volumes: Object.fromEntries(inside.map((path) => [path, {}])),
      ...NO_TERMINAL,
      HostConfig: hostConfig(prepared, asked),
      ...(first === undefined ? {} : { NetworkingConfig: { EndpointsConfig: { [first]: {} } } }),
    },
    pull: pull !== "never",
    ...(pull === "if_not_present" ? { pull_policy: pull } : {}),
    networks: others,
  };
}

/** Without a terminal the engine keeps standard output and standard error apart. */
const NO_TERMINAL = {
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  AttachStdin: false,
  AttachStdout: true,
  AttachStderr: true,
  NetworkDisabled: false,
} as const;

function checkFences({ config, agent }: LaunchRequest): void {
  const { options } = config;
  const issues: readonly Issue[] =
    config.dialect === "orion"
      ? forbiddenInRunner(
          {
            volumes: listOf(options["volumes"]),
            networks: runnerNetworks(options),
            networkMode: networkModeOf(options),
          },
          agent.allow,
          "run_config.config",
        )
      : forbiddenOptions(hostOptions(options), agent.allow, "run_config.host_config");
  if (issues.length === 0) return;
  const faults = issues.map(({ path, message }) => `${path} ${message}`);
  throw new PermanentError("forbidden", faults.join("; "), { issues });
}

/** The engine `orion` changes addresses of this machine, unless it sees that the network is shared. */
function withMode(request: LaunchRequest, mode: string | undefined): LaunchRequest {
  if (request.config.dialect !== "orion" || mode === undefined) return request;
  const options = { ...request.config.options, network_mode: mode };
  return { ...request, config: { ...request.config, options } };
}

/** Prefect 1 removes containers unless the run says otherwise, Orion keeps them. */
function isAutoRemoved({ dialect, options }: LaunchRequest["config"]): boolean {
  if (dialect === "orion") return options["auto_remove"] === true;
  const given = hostOptions(options);
  return "auto_remove" in given ? given["auto_remove"] === true : true;
}

function hostConfig({ request, networking, volumes }: Prepared, { version }: Asked): JsonObject {
  const binds = [...volumes.binds, ...runnerVolumes(request)];
  const options: JsonObject = {
    ...(needsHost(request) && hasHostGateway(version ?? "") ? HOST_GATEWAY : {}),
    ...(binds.length === 0 ? {} : { binds }),
    ...(networking.mode === undefined ? {} : { network_mode: networking.mode }),
    ...hostOptions(request.config.options),
  };
  const result = hostConfigOf(options, "run_config.host_config");
  if (result.ok) return result.value;
  throw invalid("the run", result.issues);
}

const HOST_GATEWAY = { extra_hosts: { "host.docker.internal": "host-gateway" } } as const;

/** Orion names the machine to containers unless the run's own API is elsewhere. */
function needsHost({ config }: LaunchRequest): boolean {
  const api = config.env["PREFECT_API_URL"];
  if (config.dialect === "prefect1" || typeof api !== "string") return true;
  return /localhost|127\.0\.0\.1|host\.docker\.internal/.test(api);
}

function exposedPorts(ports: unknown): JsonObject {
  if (!Array.isArray(ports) || ports.length === 0) return {};
  return { ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])) };
}

function runnerVolumes({ config }: LaunchRequest): readonly string[] {
  return config.dialect === "orion" ? listOf(config.options["volumes"]) : [];
}

function hostOptions(options: JsonObject): JsonObject {
  const given = options["host_config"];
  return isJsonObject(given) ? given : {};
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
