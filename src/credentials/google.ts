import type { AuthClient } from "google-auth-library";
import { messageOf } from "../errors.ts";
import { isLasting } from "./google-lasting.ts";

/** Who a process is to Google. */
export interface GoogleIdentity {
  /**
   * A token that is valid now, and what it came from: the same as before unless credentials had to be
   * looked for again. Google is asked for one only when the last is about to end. Throws
   * `CredentialsError`.
   */
  token(): Promise<GoogleToken>;
  /** Looks for credentials, without asking for a token. Throws `CredentialsError` if there are none. */
  find(): Promise<unknown>;
  /** Has credentials looked for again: what was accepted once is accepted no more. */
  forget(): void;
}

export interface GoogleToken {
  readonly token: string;
  readonly source: AuthClient;
}

/** Google was not asked for anything: there are no credentials, or no token for them. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
  /** Whether it stays so until a person does something, which the message says. */
  readonly lasting: boolean;

  constructor(message: string, options: { readonly lasting: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.lasting = options.lasting;
  }
}

/** What a person can do about credentials, on a machine and where functions are at work. */
export const CREDENTIALS_ADVICE =
  'set GOOGLE_APPLICATION_CREDENTIALS to a credentials file of Google\'s that is valid, or run gcloud auth application-default login, where this process runs; functions get such a file from a deployment with --param="googleCredentials=FILE"';

/** What the identity is used for. */
export interface IdentityOptions {
  /** OAuth scope of its tokens. */
  readonly scope: string;
  /** Google's library asks around for a project, over the network, unless it is told one. */
  readonly projectId?: string | undefined;
}

/**
 * The credentials Google's libraries find by themselves: the file named by GOOGLE_APPLICATION_CREDENTIALS
 * (a key, or the configuration of a workload identity federation), gcloud's own, or the machine's.
 * Looked for at the first use, and again after each failure.
 */
export function googleIdentity(options: IdentityOptions): GoogleIdentity {
  let found: Promise<AuthClient> | undefined;
  const forget = () => {
    found = undefined;
  };
  const find = (): Promise<AuthClient> => {
    found ??= findSource(options).catch((error: unknown) => {
      forget();
      throw error;
    });
    return found;
  };
  return {
    find,
    forget,
    async token() {
      const source = await find();
      try {
        const { token } = await source.getAccessToken();
        if (!token) throw new Error("no token came");
        return { token, source };
      } catch (error) {
        forget();
        throw notAccepted(error);
      }
    },
  };
}

async function findSource({ scope, projectId }: IdentityOptions): Promise<AuthClient> {
  const { GoogleAuth } = await import("google-auth-library");
  try {
    const project = projectId === undefined ? {} : { projectId };
    return await new GoogleAuth({ scopes: scope, ...project }).getClient();
  } catch (error) {
    throw notFound(error);
  }
}

/** What is found on the machine itself stays as it is, but for a machine that does not answer. */
function notFound(error: unknown): CredentialsError {
  const lasting = isLasting(error) ?? true;
  const what = "this process has no Google Cloud credentials that can be used";
  // What the parser says quotes the file, which may hold a key.
  if (error instanceof SyntaxError) {
    return new CredentialsError(`${what}: the file is not JSON; ${CREDENTIALS_ADVICE}`, {
      lasting,
    });
  }
  return failure(what, error, lasting);
}

function notAccepted(error: unknown): CredentialsError {
  const lasting = isLasting(error) ?? false;
  const what = lasting
    ? "Google does not accept the credentials of this process"
    : "Google gives no token for the credentials of this process just now";
  return failure(what, error, lasting);
}

function failure(what: string, error: unknown, lasting: boolean): CredentialsError {
  const advice = lasting ? `; ${CREDENTIALS_ADVICE}` : "";
  return new CredentialsError(`${what}: ${messageOf(error)}${advice}`, { lasting, cause: error });
}
