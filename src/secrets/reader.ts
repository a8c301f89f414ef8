import type { SecretsManagerClientConfig } from "@aws-sdk/client-secrets-manager";
import type { SSMClientConfig } from "@aws-sdk/client-ssm";
import type { World } from "../backend.ts";
import { hasNoCredentials, withoutCredentials } from "../credentials/aws.ts";
import { messageOf, PermanentError } from "../errors.ts";
import { remember } from "../remember.ts";
import { MINUTE } from "../time.ts";

/** Where secrets are, and what is needed from outside. */
export interface SecretOptions {
  now(): Date;
  /** What `env:NAME` reads. */
  readonly env: Readonly<Record<string, string>>;
  /** Settings of the SDK's client for `ssm:NAME`. */
  readonly ssm: SSMClientConfig;
  /** Settings of the SDK's client for `secretsmanager:ID`. */
  readonly secretsManager: SecretsManagerClientConfig;
}

const KEPT_MS = 5 * MINUTE;

/**
 * Reads secrets: `env:NAME` from the environment, `ssm:NAME` from the Parameter Store, decrypted, and
 * `secretsmanager:ID` from Secrets Manager, its current version. Each is read once for all who ask at the
 * same time and kept for some minutes, so one that was rotated is seen a little later.
 *
 * Throws `PermanentError`: `invalid` for other references, and for a secret that is not there or has no
 * text, `forbidden` for one that may not be read, `rejected` where AWS does not accept the credentials of
 * this process or there are none. No message holds a value.
 */
export function secretReader(options: SecretOptions): World["secret"] {
  const sources: Readonly<Record<string, Source>> = {
    env: async (name) => options.env[name],
    ssm: ssmSource(options.ssm),
    secretsmanager: secretsManagerSource(options.secretsManager),
  };
  const read = (reference: string) => textOf(reference, sources);
  return remember(read, { now: () => options.now(), lifetimeMs: () => KEPT_MS }).get;
}

/** Reads the text under a name; undefined if it has none. */
type Source = (name: string) => Promise<string | undefined>;

async function textOf(
  reference: string,
  sources: Readonly<Record<string, Source>>,
): Promise<string> {
  const [, kind = "", name = ""] = /^([a-z]+):(.+)$/s.exec(reference) ?? [];
  const source = Object.hasOwn(sources, kind) ? sources[kind] : undefined;
  if (source === undefined) {
    throw new PermanentError(
      "invalid",
      `the secret ${reference} is of no known kind: use env:NAME, ssm:NAME or secretsmanager:ID`,
    );
  }
  const value = await source(name).catch((error: unknown) => {
    throw failure(reference, error);
  });
  if (value !== undefined) return value;
  throw new PermanentError(
    "invalid",
    `the secret ${reference} has no text: set it, or name another`,
  );
}

function ssmSource(config: SSMClientConfig): Source {
  const open = once(async () => {
    const sdk = await import("@aws-sdk/client-ssm");
    return { sdk, client: new sdk.SSMClient(config) };
  });
  return async (Name) => {
    const { sdk, client } = await open();
    const command = new sdk.GetParameterCommand({ Name, WithDecryption: true });
    return (await client.send(command)).Parameter?.Value;
  };
}

function secretsManagerSource(config: SecretsManagerClientConfig): Source {
  const open = once(async () => {
    const sdk = await import("@aws-sdk/client-secrets-manager");
    return { sdk, client: new sdk.SecretsManagerClient(config) };
  });
  return async (SecretId) => {
    const { sdk, client } = await open();
    return (await client.send(new sdk.GetSecretValueCommand({ SecretId }))).SecretString;
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

const ABSENT = [
  "ParameterNotFound",
  "ParameterVersionNotFound",
  "ResourceNotFoundException",
  "ValidationException",
  "InvalidRequestException",
  "InvalidParameterException",
];
const DENIED = ["AccessDeniedException", "DecryptionFailure", "InvalidKeyId"];

/** Anything else, such as being asked too often, may be over with the next try. */
function failure(reference: string, error: unknown): unknown {
  const name = error instanceof Error ? error.name : "";
  if (ABSENT.includes(name)) {
    return new PermanentError(
      "invalid",
      `the secret ${reference} cannot be read: ${name}: ${messageOf(error)}; create it, or name another`,
      { cause: error },
    );
  }
  if (hasNoCredentials(error)) {
    return withoutCredentials(`the secret ${reference} cannot be read`, error);
  }
  if (DENIED.includes(name)) {
    return new PermanentError(
      "forbidden",
      `the secret ${reference} may not be read: ${name}: ${messageOf(error)}; grant this process access to it`,
      { cause: error },
    );
  }
  return new Error(`the secret ${reference} cannot be read just now: ${messageOf(error)}`, {
    cause: error,
  });
}
