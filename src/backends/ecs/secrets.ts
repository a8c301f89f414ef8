import { isSecretReference } from "../../agent.ts";
import type { Issue } from "../../errors.ts";
import type { Variable } from "../../process.ts";
import type { ContainerSecret, ContainerTemplate } from "./schema.ts";

/** Secrets of a container, and the variables that cannot be one. */
export interface FoundSecrets {
  readonly secrets: readonly ContainerSecret[];
  readonly issues: readonly Issue[];
}

/**
 * Turns variables that refer to secrets into entries of a container's `secrets`: ECS fetches the value
 * with the execution role when the container starts, so it stands in no definition and no override.
 *
 * `ssm:NAME` is a parameter of the same region by name, or any by ARN; `secretsmanager:ARN` may end in
 * `:json-key:stage:id`, as ECS writes it. A name alone ECS would look up among the parameters.
 */
export function secretsOf(variables: readonly Variable[]): FoundSecrets {
  const secrets: ContainerSecret[] = [];
  const issues: Issue[] = [];
  for (const { name, value } of variables) {
    if (!isSecretReference(value)) continue;
    const [, scheme = "", id = ""] = /^([a-z]+):(.*)$/s.exec(value.secret) ?? [];
    const fault = faultOf(scheme, id);
    if (fault === undefined) secrets.push({ name, valueFrom: id });
    else issues.push({ path: `env.${name}.secret`, message: `${fault}, got ${value.secret}` });
  }
  return { secrets, issues };
}

function faultOf(scheme: string, id: string): string | undefined {
  switch (scheme) {
    case "ssm":
      return undefined;
    case "secretsmanager":
      return id.startsWith("arn:")
        ? undefined
        : "expected the ARN of the secret, for ECS takes no name";
    default:
      return "expected ssm:NAME or secretsmanager:ARN, for ECS itself fetches the value";
  }
}

/**
 * The variables that refer to secrets which a definition given by ARN does not have: nothing can be
 * added to it.
 */
export function missingSecrets(
  secrets: readonly ContainerSecret[],
  container: ContainerTemplate | undefined,
): readonly Issue[] {
  const present = new Set((container?.secrets ?? []).map(({ name }) => name));
  return secrets
    .filter(({ name }) => !present.has(name))
    .map(({ name }) => ({
      path: `env.${name}.secret`,
      message:
        "expected no secret, for the task definition is given by ARN and does not have it; list it there in the secrets of its container flow",
    }));
}
