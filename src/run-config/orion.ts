import * as z from "zod";
import { check, joinPath, show } from "../check.ts";
import type { Issue } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { pythonText } from "../text/python.ts";
import { env, onlyOne, text, textMap, unknownKeys } from "./fields.ts";
import type { ParsedRunConfig, RunConfig } from "./index.ts";

const common = { env: env.describe("Variables of the run.") };

const image = text.describe(
  "Image of the container. Default: none, so it must come from elsewhere.",
);
const labels = textMap.describe("Labels put on what is started. They choose no agent.");
const stream = z
  .boolean()
  .default(true)
  .describe("Whether the output is also shown where the agent runs.");

const volume = z.string().regex(/:/, "expected a volume as local_path:container_path");

/** The flow runners of Orion: under each type the fields of its `config`. */
export const orionSchemas = {
  universal: z.object(common),
  subprocess: z.object({
    ...common,
    stream_output: stream,
    condaenv: text.describe("Conda environment: its name, or a path that starts with / or ~."),
    virtualenv: text.describe("Path of a virtual environment."),
  }),
  docker: z.object({
    ...common,
    image,
    image_pull_policy: z
      .enum(["ALWAYS", "IF_NOT_PRESENT", "NEVER"])
      .nullable()
      .default(null)
      .describe("When the image is pulled. Default: always for no tag or latest, else if missing."),
    networks: z.array(z.string()).default([]).describe("Networks the container is connected to."),
    network_mode: text.describe("Network mode of the container, instead of networks."),
    labels,
    auto_remove: z
      .boolean()
      .default(false)
      .describe("Whether the container is removed at its end."),
    volumes: z.array(volume).default([]).describe("Volumes as local_path:container_path."),
    stream_output: stream,
  }),
  kubernetes: z.object({
    ...common,
    image,
    namespace: text.describe("Namespace of the Job. Default: the agent's."),
    service_account_name: text.describe("Service account of the pod."),
    labels,
    image_pull_policy: z
      .enum(["Always", "IfNotPresent", "Never"])
      .nullable()
      .default(null)
      .describe("When the image is pulled."),
    restart_policy: z
      .enum(["Never", "OnFailure"])
      .default("Never")
      .describe("Whether Kubernetes restarts a failed container."),
    node_selector: textMap.describe("Labels a node must have."),
    stream_output: stream,
  }),
} satisfies Record<string, z.ZodType>;

/** The types of flow runners Orion has. */
export type OrionType = keyof typeof orionSchemas;

/** The backend each type asks for. */
const BACKENDS: Readonly<Record<OrionType, string>> = {
  universal: "any",
  subprocess: "local",
  docker: "docker",
  kubernetes: "kubernetes",
};

/** Settings that exclude each other. Given is, as in Python, what is not empty. */
const EXCLUSIVE: Readonly<Partial<Record<OrionType, readonly string[]>>> = {
  subprocess: ["condaenv", "virtualenv"],
  docker: ["networks", "network_mode"],
};

/** Whether a type on the wire is one of Orion's. Names are case-sensitive. */
export function isOrionType(type: string): type is OrionType {
  return Object.hasOwn(orionSchemas, type);
}

/**
 * Reads a flow runner as Orion serialises it: `{"type":"docker","config":{…}}`, where a config that is
 * absent or null is empty. Unknown keys, which Orion refuses, are named in a warning.
 */
export function parseOrion(type: OrionType, wire: JsonObject, at: string): ParsedRunConfig {
  const config = wire["config"] ?? {};
  const inner = joinPath(at, ["config"]);
  if (!isJsonObject(config)) {
    return {
      ok: false,
      issues: [{ path: inner, message: `expected an object, got ${show(config)}` }],
    };
  }
  const schema: z.ZodType<Fields, unknown> = orionSchemas[type];
  const result = check(schema, config, inner);
  const issues = [...(result.ok ? [] : result.issues), ...conflicts(type, config, inner)];
  if (!result.ok || issues.length > 0) return { ok: false, issues };
  const { env, ...options } = result.value;
  const known = Object.keys(orionSchemas[type].shape);
  const warnings = [
    unknownKeys(wire, ["type", "config", "__version__"], { at, type: `a ${type} flow runner` }),
    unknownKeys(config, known, { at: inner, type: `a ${type} flow runner` }),
  ];
  return {
    ok: true,
    config: {
      dialect: "orion",
      type,
      backend: BACKENDS[type],
      labels: [],
      env: toTexts(env ?? {}),
      options,
    },
    warnings: warnings.filter((warning) => warning !== undefined),
  };
}

type Fields = z.infer<typeof orionSchemas.universal>;

function conflicts(type: OrionType, config: JsonObject, at: string): readonly Issue[] {
  const names = EXCLUSIVE[type] ?? [];
  return onlyOne(
    names.filter((name) => !isEmpty(config[name])),
    at,
  );
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === "" ||
    (Array.isArray(value) && value.length === 0)
  );
}

/** Orion keeps variables as text, so numbers and truth values become what Python writes for them. */
function toTexts(variables: RunConfig["env"]): RunConfig["env"] {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      typeof value === "number" || typeof value === "boolean" ? pythonText(value) : value,
    ]),
  );
}
