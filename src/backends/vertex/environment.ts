import { type EnvMap, isSecretReference } from "../../agent.ts";
import { show } from "../../check.ts";
import type { Issue } from "../../errors.ts";
import type { JsonObject, JsonValue } from "../../json.ts";
import type { Variable } from "../../process.ts";

/** Vertex AI takes no more variables for a container. */
const MOST_VARIABLES = 100;

/** Names Vertex AI takes: identifiers of C. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The variables of a container as a list, and what is wrong with them. */
export interface Environment {
  readonly env: readonly JsonObject[];
  readonly issues: readonly Issue[];
}

/**
 * Writes variables as Vertex AI lists them; values stay as they are written, and references to secrets
 * are resolved when the job is launched. `own` are the run's, which may not hold such references. Pure.
 */
export function environmentOf(variables: readonly Variable[], own: EnvMap): Environment {
  const issues = variables.flatMap((variable) => issuesOf(variable, own));
  if (variables.length > MOST_VARIABLES) {
    issues.push({
      path: "run_config.env",
      message: `expected at most ${MOST_VARIABLES} variables with those of the agent and Sluice's own, got ${variables.length}`,
    });
  }
  return { env: variables.map(toEntry), issues };
}

function issuesOf({ name, value }: Variable, own: EnvMap): Issue[] {
  const isOwn = Object.hasOwn(own, name) && own[name] === value;
  const path = `${isOwn ? "run_config" : "agent"}.env.${name}`;
  const issues: Issue[] = [];
  if (!NAME.test(name)) {
    issues.push({ path, message: "expected a name of letters, digits and underscores" });
  }
  if (typeof value === "object" && value !== null && (isOwn || !isSecretReference(value))) {
    issues.push({ path, message: `expected text, a number, true or false, got ${show(value)}` });
  }
  return issues;
}

function toEntry({ name, value }: Variable): JsonObject {
  const text = name.startsWith("SLUICE_") && typeof value === "string" ? literal(value) : value;
  return { name, value: text as JsonValue };
}

/**
 * A text that reaches the container as it is. Vertex AI puts the value of another variable where it
 * reads `$(NAME)`; parameters, names and secrets are no
 * place for that.
 */
export function literal(text: string): string {
  return text.replaceAll("$(", "$$$$(");
}
