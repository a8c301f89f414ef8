import { type EnvValue, isSecretReference, type SecretReference } from "../../agent.ts";
import type { Variable } from "../../process.ts";
import { pythonText } from "../../text/python.ts";

/**
 * The variables of a container as the engine takes them: `NAME=value`. Null is `NAME` alone, which
 * removes a variable of the image. References to secrets are resolved by `secret`.
 */
export async function environmentOf(
  variables: readonly Variable[],
  secret: (reference: string) => Promise<string>,
): Promise<readonly string[]> {
  return Promise.all(
    variables.map(async ({ name, value }) => {
      if (value === null) return name;
      return `${name}=${await textOf(value, secret)}`;
    }),
  );
}

/** A value as text: numbers and truth values as Python writes them, as docker-py does. */
export async function textOf(
  value: Exclude<EnvValue, null> | SecretReference,
  secret: (reference: string) => Promise<string>,
): Promise<string> {
  return isSecretReference(value) ? secret(value.secret) : pythonText(value);
}
