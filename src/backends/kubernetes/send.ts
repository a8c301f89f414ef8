import { isSecretReference } from "../../agent.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../../json.ts";
import { literal } from "./literal.ts";

/**
 * A planned Job as Kubernetes takes it: variables are texts, secrets are read, and a variable that is
 * null is left out, whoever else set it.
 */
export async function asSent(
  job: JsonObject,
  secret: (reference: string) => Promise<string>,
): Promise<JsonObject> {
  const spec = objectOf(job["spec"]);
  const template = objectOf(spec["template"]);
  const pod = objectOf(template["spec"]);
  const [flow, ...others] = pod["containers"] as readonly JsonValue[];
  const container = objectOf(flow);
  const entries = (container["env"] as readonly JsonValue[]).map(objectOf);
  const names = new Set(entries.map((entry) => String(entry["name"])));
  const read = async (reference: string) => literal(await secret(reference), names);
  const env = await Promise.all(entries.map((entry) => sentVariable(entry, read)));
  const containers = [{ ...container, env: env.flat() }, ...others];
  return { ...job, spec: { ...spec, template: { ...template, spec: { ...pod, containers } } } };
}

async function sentVariable(
  entry: JsonObject,
  secret: (reference: string) => Promise<string>,
): Promise<readonly JsonObject[]> {
  const { value } = entry;
  if (value === undefined) return [entry];
  if (value === null) return [];
  if (isSecretReference(value)) return [{ ...entry, value: await secret(value.secret) }];
  return [{ ...entry, value: String(value) }];
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
