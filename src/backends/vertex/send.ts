import { isSecretReference } from "../../agent.ts";
import { invalid } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { literal } from "./environment.ts";
import { CUSTOM_JOB } from "./fields.ts";
import { type ReadMessage, readMessage } from "./message.ts";

/** A CustomJob as planned: the parts that change before it is sent. */
export interface PlannedJob {
  readonly display_name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly job_spec: JsonObject & {
    readonly worker_pool_specs: readonly [FirstPool, ...(readonly JsonObject[])];
  };
}

/** The pool that runs the flow; its variables are the only place for references to secrets. */
type FirstPool = JsonObject & { readonly container_spec: JsonObject & { readonly env: Env } };
type Env = readonly JsonObject[];

/** Vertex AI takes no longer display name. */
const LONGEST_NAME = 128;

/** Whether Vertex AI takes a display name. */
export function isSentAsItIs(name: string): boolean {
  return name !== "" && name.length <= LONGEST_NAME;
}

/** Gives the text of a secret reference. */
export type Secrets = (reference: string) => Promise<string>;

/**
 * A planned job in the form Google's client takes: the display name as Vertex AI allows it, secrets in
 * place of their references, variables that are null and all other nulls left out.
 *
 * Throws what `secrets` throws, and `PermanentError` ("invalid") for a job that no plan makes.
 */
export async function toClientJob(
  job: PlannedJob,
  secrets: Secrets,
): Promise<ReadMessage["message"]> {
  const [first, ...others] = job.job_spec.worker_pool_specs;
  const container = first.container_spec;
  const env = await Promise.all(container.env.map((entry) => withSecret(entry, secrets)));
  const set = env.filter(({ value }) => value !== null);
  const { message, issues } = readMessage(CUSTOM_JOB, {
    ...job,
    display_name: sentName(job),
    job_spec: {
      ...job.job_spec,
      worker_pool_specs: [{ ...first, container_spec: { ...container, env: set } }, ...others],
    },
  });
  if (issues.length > 0) throw invalid("the planned job", issues);
  return message;
}

function sentName({ display_name: name, labels }: PlannedJob): string {
  return name === "" ? `sluice-${labels["sluice_run"]}` : name.slice(0, LONGEST_NAME);
}

async function withSecret(entry: JsonObject, secrets: Secrets): Promise<JsonObject> {
  const { value } = entry;
  return isSecretReference(value)
    ? { ...entry, value: literal(await secrets(value.secret)) }
    : entry;
}
