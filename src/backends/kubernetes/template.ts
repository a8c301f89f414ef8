import * as z from "zod";
import type { Agent } from "../../agent.ts";
import { check, show } from "../../check.ts";
import { type Issue, invalid } from "../../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import type { TemplateReader } from "../../template.ts";
import { parseYaml } from "../../text/yaml.ts";
import type { AgentOptions, RunOptions } from "./options.ts";

/** The manifest a Job is made from. */
export interface Template {
  readonly job: JsonObject;
  /** A template of the run keeps its service account and pull secrets; the agent's own yields. */
  readonly source: "run" | "agent" | "built in";
}

/** What decides on the template of a run. */
export interface TemplateSources {
  readonly run: RunOptions;
  readonly agent: Agent;
  readonly options: AgentOptions;
  readonly read: TemplateReader;
  /** The name of the container, where no template names one. */
  readonly container: string;
}

/** A Job is looked at every few minutes, and it must be there when Sluice comes back from an outage. */
const LEAST_TTL_SECONDS = 3600;

/**
 * The template of a run, the first there is of: the run config's own, the one at its path, the one at
 * the agent's path, the built-in one. An empty mapping or text is none.
 *
 * Throws `PermanentError` with every fault of a template that no Job can be made from, or whose Job
 * might run the flow more than once or never, or vanish before its end is known.
 */
export async function templateOf(sources: TemplateSources): Promise<Template> {
  const { run, agent, options, read } = sources;
  const inline = inlineTemplate(run.job_template);
  if (inline !== undefined) return checkedTemplate(inline, "run", ["run_config", "job_template"]);
  if (run.job_template_path) {
    const value = await read(run.job_template_path, agent, "message");
    return checkedTemplate(value, "run", ["run_config", "job_template_path"]);
  }
  if (options.job_template_path !== undefined) {
    const value = await read(options.job_template_path, agent, "agent");
    return checkedTemplate(value, "agent", ["agent", "job_template_path"]);
  }
  const containers = [{ name: sources.container }];
  const job = { apiVersion: "batch/v1", kind: "Job", spec: { template: { spec: { containers } } } };
  return { job, source: "built in" };
}

function inlineTemplate(value: RunOptions["job_template"]): JsonValue | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  if (typeof value !== "string") {
    return Object.keys(value).length === 0 ? undefined : (value as JsonObject);
  }
  return parseYaml(value, "run_config.job_template") ?? undefined;
}

/** What the API takes Jobs as; where nothing is said it takes it for granted. */
const only = (word: string) =>
  z
    .string()
    .refine((given) => given === word, `expected ${word} or nothing: a run becomes a Job`)
    .nullish();

const anyObject = z.record(z.string(), z.unknown());

const metadata = z.looseObject({
  name: z.string().optional(),
  generateName: z
    .null("expected none: the name of the Job is Sluice's, so that one launch makes one Job")
    .optional(),
  labels: anyObject.optional(),
});

/** A Job of no pods is complete at once, or waits for ever. */
const one = z
  .number()
  .refine((given) => given === 1, "expected 1 or nothing: a run is one process")
  .nullish();

const container = z.looseObject({
  image: z.string().nullish(),
  env: z.array(z.looseObject({ name: z.string() })).optional(),
  resources: z
    .looseObject({ requests: anyObject.optional(), limits: anyObject.optional() })
    .optional(),
});

const podSpec = z.looseObject({ containers: z.array(container).optional() });

const schema = z.looseObject({
  apiVersion: only("batch/v1"),
  kind: only("Job"),
  metadata: metadata.optional(),
  spec: z.looseObject({
    parallelism: one,
    completions: one,
    ttlSecondsAfterFinished: z
      .number()
      .min(
        LEAST_TTL_SECONDS,
        `expected at least ${LEAST_TTL_SECONDS} seconds: a Job that is gone cannot tell how it ended`,
      )
      .nullish(),
    template: z.looseObject({
      metadata: z.looseObject({ labels: anyObject.optional() }).optional(),
      spec: podSpec,
    }),
  }),
});

function checkedTemplate(
  value: JsonValue,
  source: Template["source"],
  [document, field]: readonly [string, string],
): Template {
  const at = `${document}.${field}`;
  const what = `the job template of the ${document === "agent" ? "agent" : "run"}`;
  if (!isJsonObject(value)) {
    throw invalid(what, [{ path: at, message: `expected an object, got ${show(value)}` }]);
  }
  const result = check(schema, value);
  if (result.ok) return { job: value, source };
  throw invalid(
    what,
    result.issues.map((issue) => placed(issue, at, field)),
  );
}

/** Faults of an inline template have a path of their own; those of a file stand at its address. */
function placed({ path, message }: Issue, at: string, field: string): Issue {
  return field === "job_template"
    ? { path: `${at}.${path}`, message }
    : { path: at, message: `${path}: ${message}` };
}
