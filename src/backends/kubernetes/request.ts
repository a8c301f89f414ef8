import type { LaunchRequest } from "../../backend.ts";
import { imageOf } from "../../image.ts";
import type { Installation } from "../../installation.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { processOf, type RunProcess, secretNames, sluiceVariables } from "../../process.ts";
import { literal } from "./literal.ts";
import { DELETE_LABEL, jobName, ownerLabels, prefectLabels } from "./names.ts";
import type { AgentOptions, RunOptions } from "./options.ts";
import type { Template } from "./template.ts";

/** What a Job is made from. */
export interface JobSources {
  readonly request: LaunchRequest;
  readonly run: RunOptions;
  readonly options: AgentOptions;
  readonly template: Template;
  readonly installation: Installation;
}

/** A Job as it would be created. */
export interface PlannedJob {
  readonly namespace: string;
  /** Values of variables stand as they are written; `asSent` makes texts of them. */
  readonly job: JsonObject;
  readonly secrets: readonly string[];
  readonly warnings: readonly string[];
}

/** Makes the Job of a launch from its template. Pure, and the same for the same launch. */
export function plannedJob(sources: JobSources): PlannedJob {
  const { request, run, options, template, installation } = sources;
  const [first, ...others] = containersOf(template.job);
  const image = imageOf({ ...request, template: textOf(first?.["image"]) });
  const process = processOf(request, { image });
  const container = flowContainer(first ?? {}, { ...sources, image, process });
  const key = { runId: request.run.id, launch: request.launch };
  const labels = {
    ...ownerLabels(key, installation),
    ...prefectLabels(request, installation),
  };
  const spec = objectOf(template.job["spec"]);
  const pod = objectOf(spec["template"]);
  const job = {
    ...template.job,
    metadata: {
      ...labelled(template.job["metadata"], {
        ...run.labels,
        ...labels,
        ...(options.delete_finished_jobs ? { [DELETE_LABEL]: "true" } : {}),
      }),
      name: jobName(key, installation),
    },
    spec: {
      ...spec,
      ...(isMissing(spec["backoffLimit"]) ? { backoffLimit: 0 } : {}),
      template: {
        ...pod,
        metadata: labelled(pod["metadata"], labels),
        spec: { ...podSpec(objectOf(pod["spec"]), sources), containers: [container, ...others] },
      },
    },
  };
  return {
    namespace: run.namespace ?? options.namespace,
    job,
    secrets: secretNames(process.variables),
    warnings: warningsOf(job, options),
  };
}

/** The name of the container that runs the flow: the first one's, whatever it is. */
export function flowContainerName(job: JsonObject): string {
  return textOf(containersOf(job)[0]?.["name"]) ?? "";
}

function containersOf(job: JsonObject): readonly JsonObject[] {
  const pod = objectOf(objectOf(job["spec"])["template"]);
  const containers = objectOf(pod["spec"])["containers"];
  return Array.isArray(containers) ? containers.map(objectOf) : [];
}

/** A Job without `backoffLimit` would start up to seven pods, so it gets 0. */
function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function labelled(metadata: JsonValue | undefined, labels: JsonObject): JsonObject {
  const object = objectOf(metadata);
  return { ...object, labels: { ...objectOf(object["labels"]), ...labels } };
}

function podSpec(spec: JsonObject, { run, options, template }: JobSources): JsonObject {
  const keeps = (key: string) => key in spec && template.source === "run";
  const secrets = run.image_pull_secrets?.length ? run.image_pull_secrets : undefined;
  const account =
    run.service_account_name ??
    (keeps("serviceAccountName") ? undefined : options.service_account_name);
  const pulls =
    secrets ?? (keeps("imagePullSecrets") ? undefined : nonEmpty(options.image_pull_secrets));
  return {
    ...spec,
    ...(account === undefined ? {} : { serviceAccountName: account }),
    ...(pulls === undefined ? {} : { imagePullSecrets: pulls.map((name) => ({ name })) }),
    ...("restartPolicy" in spec ? {} : { restartPolicy: "Never" }),
    ...(run.restart_policy ? { restartPolicy: run.restart_policy } : {}),
    ...(run.node_selector
      ? { nodeSelector: { ...objectOf(spec["nodeSelector"]), ...run.node_selector } }
      : {}),
  };
}

function flowContainer(
  container: JsonObject,
  parts: JobSources & { readonly image: string; readonly process: RunProcess },
): JsonObject {
  const { request, run, image, process } = parts;
  const env = environment(container, request, process);
  return {
    ...withCommand(container, request, { command: process.command, env }),
    image,
    ...(run.image_pull_policy ? { imagePullPolicy: run.image_pull_policy } : {}),
    env,
    resources: resources(objectOf(container["resources"]), run),
  };
}

/**
 * Prefect 1 gives its command as `args`, so that a template's entry point stays before it. Every other
 * command is run as it is.
 */
function withCommand(
  container: JsonObject,
  { engine }: LaunchRequest,
  { command, env }: { command: RunProcess["command"]; env: readonly JsonObject[] },
): JsonObject {
  if (command === undefined) return container;
  if (engine.name === "prefect1") return { ...container, args: command };
  const { args: _, ...rest } = container;
  const names = namesOf(env);
  return { ...rest, command: command.map((word) => literal(word, names)) };
}

/**
 * The variables of the run, then those of the template that nobody has set. Sluice's own arrive as they
 * are; in all others Kubernetes replaces `$(NAME)`.
 */
function environment(
  container: JsonObject,
  request: LaunchRequest,
  { variables }: RunProcess,
): readonly JsonObject[] {
  const set = new Set(variables.map(({ name }) => name));
  const entries = Array.isArray(container["env"]) ? container["env"].map(objectOf) : [];
  const others = entries.filter((entry) => !set.has(String(entry["name"])));
  const names = new Set([...set, ...namesOf(others)]);
  const ours = sluiceVariables(request);
  return [
    ...variables.map(({ name, value }) => ({
      name,
      value: (name in ours ? literal(String(value), names) : value) as JsonValue,
    })),
    ...others,
  ];
}

function namesOf(entries: readonly JsonObject[]): ReadonlySet<string> {
  return new Set(entries.map((entry) => String(entry["name"])));
}

function resources(template: JsonObject, run: RunOptions): JsonObject {
  return {
    ...template,
    requests: {
      ...objectOf(template["requests"]),
      ...(run.memory_request ? { memory: run.memory_request } : {}),
      ...(run.cpu_request ? { cpu: run.cpu_request } : {}),
    },
    limits: {
      ...objectOf(template["limits"]),
      ...(run.memory_limit ? { memory: run.memory_limit } : {}),
      ...(run.cpu_limit ? { cpu: run.cpu_limit } : {}),
    },
  };
}

function warningsOf(job: JsonObject, options: AgentOptions): readonly string[] {
  const spec = objectOf(job["spec"]);
  const pod = objectOf(objectOf(spec["template"])["spec"]);
  const unused = (["volumes", "volume_mounts"] as const).filter(
    (key) => options[key] !== undefined,
  );
  return [
    ...(Number(spec["backoffLimit"]) > 0
      ? [
          `spec.backoffLimit ${Number(spec["backoffLimit"])} lets Kubernetes start the flow again by itself; set it to 0 so that one launch runs the flow once`,
        ]
      : []),
    ...(pod["restartPolicy"] === "OnFailure"
      ? [
          "restartPolicy OnFailure lets Kubernetes start the flow again by itself, and deletes the pod in the end, with its log",
        ]
      : []),
    ...(isMissing(spec["ttlSecondsAfterFinished"])
      ? []
      : [
          `spec.ttlSecondsAfterFinished ${Number(spec["ttlSecondsAfterFinished"])} lets Kubernetes delete the Job so many seconds after its end, even if nobody knows by then how it ended; without it Sluice deletes the Job once that is stored`,
        ]),
    ...unused.map((key) => `the agent's ${key} have no effect: put them into a job template`),
  ];
}

function nonEmpty(list: readonly string[]): readonly string[] | undefined {
  return list.length === 0 ? undefined : list;
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
