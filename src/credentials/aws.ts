import { messageOf, PermanentError } from "../errors.ts";

/**
 * What is wrong with credentials: `none` are found, they have `expired`, or AWS does not accept them, and
 * they are `unfit`.
 */
export type CredentialsFault = "none" | "expired" | "unfit";

/** The names the SDK and the services of AWS have for these; some differ between the protocols. */
const FAULTS: Readonly<Record<string, CredentialsFault>> = {
  CredentialsProviderError: "none",
  TokenProviderError: "none",
  ExpiredToken: "expired",
  ExpiredTokenException: "expired",
  RequestExpired: "expired",
  TokenRefreshRequired: "expired",
  AuthFailure: "unfit",
  IncompleteSignature: "unfit",
  IncompleteSignatureException: "unfit",
  InvalidAccessKeyId: "unfit",
  InvalidClientTokenId: "unfit",
  InvalidSignatureException: "unfit",
  InvalidToken: "unfit",
  MissingAuthenticationToken: "unfit",
  MissingAuthenticationTokenException: "unfit",
  SignatureDoesNotMatch: "unfit",
  UnrecognizedClientException: "unfit",
};

/** What is wrong with the credentials a client of AWS was used with; undefined if it failed otherwise. Pure. */
export function credentialsFaultOf(error: unknown): CredentialsFault | undefined {
  const name = nameOf(error);
  return Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
}

/** Whether it is the credentials of this process that failed: there are none, or AWS takes them no more. Pure. */
export function hasNoCredentials(error: unknown): boolean {
  return credentialsFaultOf(error) !== undefined;
}

/** What a person can do about credentials. */
const CREDENTIALS_ADVICE =
  "set or renew them (AWS_ACCESS_KEY_ID and its siblings, AWS_PROFILE, or the role of this process)";

/**
 * The end of whatever needed credentials: what could not be done, why, and what a person can do, also
 * `instead` if that is given.
 */
export function withoutCredentials(what: string, error: unknown, instead?: string): PermanentError {
  const advice =
    instead === undefined ? CREDENTIALS_ADVICE : `${CREDENTIALS_ADVICE}, or ${instead}`;
  return new PermanentError(
    "rejected",
    `${what}: the AWS credentials of this process are missing or not accepted: ${nameOf(error)}: ${messageOf(error)}; ${advice}`,
    { cause: error },
  );
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
