import type { JsonObject } from "../json.ts";
import { pythonText } from "../text/python.ts";
import { accepted, type Options, toWire } from "./build.ts";
import { parseRunConfig, type RunConfig } from "./index.ts";
import { localPath, parseTemplate, readLocalTemplate } from "./local-template.ts";
import type { Prefect1Type } from "./prefect1.ts";
import { serializeRunConfig } from "./serialize.ts";

/** What every run config may say. Null is the same as not given, unless told otherwise. */
export interface UniversalRunOptions {
  /** Variables of the run, on top of the agent's. Null removes an inherited variable. Default: none. */
  readonly env?: Variables | null;
  /** Labels an agent must have, all of them, to take the run. Default: none. */
  readonly labels?: readonly string[];
}

/** Variables by name. */
export type Variables = Readonly<Record<string, string | number | boolean | null>>;

/** What `localRun` may say. */
export interface LocalRunOptions extends UniversalRunOptions {
  /**
   * Directory of the process; it must exist where the agent works. A relative one lies below the
   * directory of the agent. Default: that directory.
   */
  readonly workingDir?: string | null;
}

/** What `dockerRun` may say. */
export interface DockerRunOptions extends UniversalRunOptions {
  /** Image of the container. Default: that of Docker storage, else Prefect's own. */
  readonly image?: string | null;
  /** Ports the container exposes. Default: none. */
  readonly ports?: readonly number[] | null;
  /** Options of the container's host in docker-py's words, such as `shm_size`. Default: none. */
  readonly hostConfig?: JsonObject | null;
}

/** What `kubernetesRun` may say. */
export interface KubernetesRunOptions extends UniversalRunOptions {
  /**
   * Where the template of the Job is. A path of this machine, plain or with `file://` or `local://`, is
   * read here and now; any other address at launch. Not together with `jobTemplate`.
   */
  readonly jobTemplatePath?: string | null;
  /** The template of the Job, or YAML text of it. Default: the agent's template. */
  readonly jobTemplate?: JsonObject | string | null;
  /** Image of the first container. Default: that of Docker storage, the template or Prefect's own. */
  readonly image?: string | null;
  /** Limit of CPU in cores, or as Kubernetes writes it: `"500m"`. Default: the template's. */
  readonly cpuLimit?: number | string | null;
  /** Request of CPU in cores, or as Kubernetes writes it. Default: the template's. */
  readonly cpuRequest?: number | string | null;
  /** Limit of memory in bytes, or as Kubernetes writes it: `"2Gi"`. Default: the template's. */
  readonly memoryLimit?: number | string | null;
  /** Request of memory in bytes, or as Kubernetes writes it. Default: the template's. */
  readonly memoryRequest?: number | string | null;
  /** Service account of the pod; an empty one clears the agent's. Default: the agent's. */
  readonly serviceAccountName?: string | null;
  /** Names of the secrets images are pulled with. Default: the agent's. */
  readonly imagePullSecrets?: readonly string[] | null;
  /** When the image is pulled. Default: the template's, else as Kubernetes does. */
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never" | null;
}

/** What `ecsRun` may say. Only one of the three task definitions may be given. */
export interface EcsRunOptions extends UniversalRunOptions {
  /** The task definition itself. Default: the agent's. */
  readonly taskDefinition?: JsonObject | null;
  /** Where the task definition is. A path of this machine is read here and now, see `kubernetesRun`. */
  readonly taskDefinitionPath?: string | null;
  /** A registered task definition: its ARN or `family:revision`. Not together with `image`. */
  readonly taskDefinitionArn?: string | null;
  /** Image of the flow's container. Default: that of Docker storage, the definition or Prefect's own. */
  readonly image?: string | null;
  /** CPU of the task: a number of CPU units, or text such as `"1 vcpu"`. Default: the definition's. */
  readonly cpu?: number | string | null;
  /** Memory of the task: a number of MiB, or text such as `"2 GB"`. Default: the definition's. */
  readonly memory?: number | string | null;
  /** Role the flow works with. Default: the definition's, else the agent's. */
  readonly taskRoleArn?: string | null;
  /** Role ECS starts the task with. Default: the definition's, else the agent's. */
  readonly executionRoleArn?: string | null;
  /** Further arguments of RunTask, in its own words. Default: the agent's. */
  readonly runTaskKwargs?: JsonObject | null;
}

/** What `vertexRun` may say. */
export interface VertexRunOptions extends UniversalRunOptions {
  /** Image of the flow's container. Default: that of Docker storage, else Prefect's own. */
  readonly image?: string | null;
  /** Machine of the only worker pool. Default: `e2-standard-4`; null leaves it open. */
  readonly machineType?: string | null;
  /** Scheduling of the CustomJob, in the API's words. Default: none. */
  readonly scheduling?: JsonObject | null;
  /** Service account the job runs as. Default: the agent's. */
  readonly serviceAccount?: string | null;
  /** Network the job is peered with. Default: none. */
  readonly network?: string | null;
  /** All worker pools, in place of the one `machineType` stands for. Default: that one. */
  readonly workerPoolSpecs?: readonly (JsonObject | null)[] | null;
}

/**
 * A run config that any agent takes, whatever its backend, in wire form.
 *
 * This and its neighbours return exactly what Prefect 1.4.1 serialises. They throw `PermanentError`
 * (`invalid`) with every fault for whatever Prefect's constructors refuse, and (`template`) for a template
 * of this machine that cannot be read.
 */
export function universalRun(options: UniversalRunOptions = {}): JsonObject {
  return runConfig("UniversalRun", { ...options });
}

/** A run config for `local` agents, in wire form; see `universalRun`. */
export function localRun(options: LocalRunOptions = {}): JsonObject {
  return runConfig("LocalRun", { ...options });
}

/** A run config for `docker` agents, in wire form; see `universalRun`. */
export function dockerRun(options: DockerRunOptions = {}): JsonObject {
  return runConfig("DockerRun", { ...options });
}

/** A run config for `kubernetes` agents, in wire form; see `universalRun`. */
export function kubernetesRun(options: KubernetesRunOptions = {}): JsonObject {
  return runConfig("KubernetesRun", { ...options });
}

/** A run config for `ecs` agents, in wire form; see `universalRun`. */
export function ecsRun(options: EcsRunOptions = {}): JsonObject {
  return runConfig("ECSRun", { ...options });
}

/** A run config for `vertex` agents, in wire form; see `universalRun`. */
export function vertexRun(options: VertexRunOptions = {}): JsonObject {
  return runConfig("VertexRun", { ...options });
}

/** Options that may be numbers here and are text on the wire. */
const NUMERIC = new Set([
  "cpu",
  "memory",
  "cpu_limit",
  "cpu_request",
  "memory_limit",
  "memory_request",
]);

function runConfig(type: Prefect1Type, options: Options): JsonObject {
  const fields = Object.entries(toWire(options)).map(([name, value]) => [
    name,
    NUMERIC.has(name) && (typeof value === "number" || typeof value === "boolean")
      ? pythonText(value)
      : value,
  ]);
  const wire = { type, ...Object.fromEntries(fields) };
  const config = accepted(`the ${type}`, parseRunConfig(wire));
  // An empty env stays apart from none, as it does in Prefect.
  return { ...serializeRunConfig(withTemplate(config)), env: options["env"] ?? null };
}

/** Options that may say where a template is, and those that hold one. */
const TEMPLATES = [
  ["job_template_path", "job_template"],
  ["task_definition_path", "task_definition"],
] as const;

/** A template is read where the run config is made: the agent has other files, and may not read these. */
function withTemplate(config: RunConfig): RunConfig {
  const options = { ...config.options };
  for (const [where, held] of TEMPLATES) {
    const address = options[where];
    const path = typeof address === "string" ? localPath(address) : undefined;
    if (path !== undefined) {
      options[where] = null;
      options[held] = readLocalTemplate(path, where);
    }
    const text = options[held];
    if (typeof text === "string" && text !== "") options[held] = parseTemplate(text, held);
  }
  return { ...config, options };
}
