import * as z from "zod";
import { type Agent, PREFECT_DEFAULTS } from "./agent.ts";
import { check, show } from "./check.ts";
import { type Issue, invalid } from "./errors.ts";
import { isJsonObject } from "./json.ts";
import { CLOUD } from "./run.ts";

/** A reference to a value kept elsewhere. */
export const secretSchema = z
  .strictObject({
    secret: z
      .string()
      .regex(/^(env|ssm|secretsmanager):.+/, "expected env:NAME, ssm:NAME or secretsmanager:ID"),
  })
  .describe("A value kept elsewhere: env:NAME, ssm:NAME or secretsmanager:ID.");

const prefectSchema = z.strictObject({
  backend: z
    .enum(["cloud", "server"])
    .default(PREFECT_DEFAULTS.backend)
    .describe("Prefect's cloud, or a server of one's own."),
  api: z.string().optional().describe("Address of Prefect's API."),
  api_key: z
    .union([z.string(), secretSchema], { error: "expected text or { secret: … }" })
    .optional()
    .describe("Key for Prefect's API."),
  tenant_id: z.string().optional().describe("Tenant, sent only together with a key."),
  logging_level: z
    .string()
    .default(PREFECT_DEFAULTS.logging_level)
    .describe("Logging level of Prefect 1 runs."),
  send_flow_run_logs: z
    .boolean()
    .default(PREFECT_DEFAULTS.send_flow_run_logs)
    .describe("Whether runs send their logs to Prefect's API."),
});

const label = z.string();

/** `agent://etc` would be the whole machine, for the host part of an agent's path is ignored. */
const TEMPLATE_PREFIX = /^(agent:\/\/\/|(s3|gcs|gs|https?):\/\/[^/]+)/;

/** The keys every agent has, whatever its backend. */
export const agentShape = {
  backend: z.string().describe("Which platform it launches on."),
  labels: z
    .array(label)
    .default([])
    .describe(
      "A run goes to an agent that has all its labels; one without labels to an agent without.",
    ),
  env: z
    .record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean(), z.null(), secretSchema], {
        error: "expected text, a number, true, false, null or { secret: … }",
      }),
    )
    .default({})
    .describe("Variables of every run it takes; a run's own win. Null removes an inherited one."),
  prefect: prefectSchema
    .prefault({})
    .describe("How runs reach Prefect, for the engines prefect1 and orion."),
  templates: z
    .array(z.string().regex(TEMPLATE_PREFIX, "expected agent:///folder/ or SCHEME://host/prefix"))
    .default([])
    .describe("Prefixes below which a template named in a message must lie."),
  allow: z
    .array(z.string())
    .default([])
    .describe("Keys a message may set although they open the machine; * allows all."),
  remote: z
    .boolean()
    .default(false)
    .describe("Works on a machine of its own, through `sluice agent NAME`."),
};

const commonSchema = z.object(agentShape);

/** Gives the schema of the options of a backend; undefined if there is no such backend. */
export type OptionsSchema = (backend: string) => z.ZodType | undefined;

/** Names of agents: they stand in paths, file names and states. */
const AGENT_NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/**
 * Reads the agents of a `sluice.yml`, in its order. Throws `PermanentError` ("invalid") with every
 * fault of the whole document.
 */
export function parseConfig(document: unknown, optionsOf: OptionsSchema): readonly Agent[] {
  const what = "sluice.yml";
  if (!isJsonObject(document)) {
    const message = `expected an object with agents, got ${show(document)}`;
    throw invalid(what, [{ path: "", message }]);
  }
  const { agents: entries, ...others } = document;
  const issues: Issue[] = Object.keys(others).map((key) => ({ path: key, message: "unknown key" }));
  if (!isJsonObject(entries)) {
    const message = `expected agents by name, got ${show(entries)}`;
    throw invalid(what, [...issues, { path: "agents", message }]);
  }
  const agents: Agent[] = [];
  for (const [name, value] of Object.entries(entries)) {
    const result = readAgent({ name, value, at: `agents.${name}` }, optionsOf);
    if ("agent" in result) agents.push(result.agent);
    else issues.push(...result.issues);
  }
  if (issues.length > 0) throw invalid(what, issues);
  return agents;
}

/** Reads one agent, such as that of a `plan` request. Throws `PermanentError` with all faults. */
export function parseAgent(name: string, value: unknown, optionsOf: OptionsSchema): Agent {
  const result = readAgent({ name, value, at: "agent" }, optionsOf);
  if ("agent" in result) return result.agent;
  throw invalid(`the agent ${name}`, result.issues);
}

/** An agent as it is written, and where. */
interface Entry {
  readonly name: string;
  readonly value: unknown;
  readonly at: string;
}

function readAgent(
  { name, value, at }: Entry,
  optionsOf: OptionsSchema,
): { readonly agent: Agent } | { readonly issues: readonly Issue[] } {
  const common = check(commonSchema, value, at);
  const issues: Issue[] = common.ok ? [] : [...common.issues];
  if (name === CLOUD) {
    issues.push({
      path: at,
      message: "expected another name: cloud is reserved",
    });
  }
  if (!AGENT_NAME.test(name)) {
    issues.push({
      path: at,
      message: `expected a name of at most 40 small letters, digits and inner dashes, got ${show(name)}`,
    });
  }
  const backend = isJsonObject(value) ? value["backend"] : undefined;
  if (!isJsonObject(value) || typeof backend !== "string") return { issues };
  const schema = optionsOf(backend);
  if (schema === undefined) {
    return {
      issues: [...issues, { path: `${at}.backend`, message: `unknown backend ${backend}` }],
    };
  }
  const own = Object.entries(value).filter(([key]) => !Object.hasOwn(agentShape, key));
  const options = check(schema, Object.fromEntries(own), at);
  if (!options.ok) return { issues: [...issues, ...options.issues] };
  if (!common.ok || issues.length > 0) return { issues };
  return { agent: toAgent(name, common.value, options.value) };
}

function toAgent(name: string, common: z.infer<typeof commonSchema>, options: unknown): Agent {
  const { api, api_key, tenant_id, ...prefect } = common.prefect;
  return {
    ...common,
    name,
    prefect: {
      ...prefect,
      ...(api === undefined ? {} : { api }),
      ...(api_key === undefined ? {} : { api_key }),
      ...(tenant_id === undefined ? {} : { tenant_id }),
    },
    options: options as Agent["options"],
  };
}
