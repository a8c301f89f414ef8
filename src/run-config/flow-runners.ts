import type { JsonObject } from "../json.ts";
import { accepted, type Options, toWire } from "./build.ts";
import type { Variables } from "./builders.ts";
import { parseRunConfig } from "./index.ts";
import type { OrionType } from "./orion.ts";
import { serializeRunConfig } from "./serialize.ts";

/** What every flow runner may say. */
export interface UniversalFlowRunnerOptions {
  /** Variables of the run, on top of the agent's. Null removes an inherited variable. Default: none. */
  readonly env?: Variables;
}

/** What `subprocessFlowRunner` may say. Only one of the two environments may be given. */
export interface SubprocessFlowRunnerOptions extends UniversalFlowRunnerOptions {
  /** Whether the output is also shown where the agent runs. Default: true. */
  readonly streamOutput?: boolean;
  /** Conda environment the run executes in: its name, or a path that starts with `/` or `~`. */
  readonly condaenv?: string | null;
  /** Path of a virtual environment the run executes in. */
  readonly virtualenv?: string | null;
}

/** What `dockerFlowRunner` may say. */
export interface DockerFlowRunnerOptions extends UniversalFlowRunnerOptions {
  /** Image of the container. There is no default, so it must come from here or from the flow. */
  readonly image?: string;
  /** When the image is pulled. Default: always for no tag and `latest`, else if it is missing. */
  readonly imagePullPolicy?: "ALWAYS" | "IF_NOT_PRESENT" | "NEVER" | null;
  /** Networks the container is connected to. Default: none. Not together with `networkMode`. */
  readonly networks?: readonly string[];
  /** Network mode of the container, such as `host`. Default: the engine's. */
  readonly networkMode?: string | null;
  /** Labels of the container. Default: none. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Whether the container is removed at its end. Default: false. */
  readonly autoRemove?: boolean;
  /** Volumes as `local_path:container_path`. Default: none. */
  readonly volumes?: readonly string[];
  /** Whether the output is also shown where the agent runs. Default: true. */
  readonly streamOutput?: boolean;
}

/** What `kubernetesFlowRunner` may say. */
export interface KubernetesFlowRunnerOptions extends UniversalFlowRunnerOptions {
  /** Image of the container. There is no default, so it must come from here or from the flow. */
  readonly image?: string;
  /** Namespace of the Job. Default: `default`. */
  readonly namespace?: string;
  /** Service account of the pod. Default: the namespace's. */
  readonly serviceAccountName?: string | null;
  /** Labels of the Job. Default: none. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** When the image is pulled. Default: as Kubernetes does. */
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never" | null;
  /** Whether Kubernetes restarts a failed container. Default: `Never`. */
  readonly restartPolicy?: "Never" | "OnFailure";
  /** Labels a node must have. Default: any node. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** Whether the output is also shown where the agent runs. Default: true. */
  readonly streamOutput?: boolean;
}

/**
 * A flow runner that any agent takes, whatever its backend, in wire form.
 *
 * This and its neighbours return what Orion serialises. They throw `PermanentError` (`invalid`) with
 * every fault for whatever Orion refuses.
 */
export function universalFlowRunner(options: UniversalFlowRunnerOptions = {}): JsonObject {
  return flowRunner("universal", { ...options });
}

/** A flow runner for `local` agents, in wire form; see `universalFlowRunner`. */
export function subprocessFlowRunner(options: SubprocessFlowRunnerOptions = {}): JsonObject {
  return flowRunner("subprocess", { ...options });
}

/** A flow runner for `docker` agents, in wire form; see `universalFlowRunner`. */
export function dockerFlowRunner(options: DockerFlowRunnerOptions = {}): JsonObject {
  return flowRunner("docker", { ...options });
}

/** A flow runner for `kubernetes` agents, in wire form; see `universalFlowRunner`. */
export function kubernetesFlowRunner(options: KubernetesFlowRunnerOptions = {}): JsonObject {
  return flowRunner("kubernetes", { namespace: "default", ...options });
}

function flowRunner(type: OrionType, options: Options): JsonObject {
  const wire = { type, config: toWire(options) };
  return serializeRunConfig(accepted(`the ${type} flow runner`, parseRunConfig(wire)));
}
