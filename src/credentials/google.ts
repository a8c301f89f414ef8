import type { AuthClient } from "google-auth-library";
import { inTime, unlessAborted } from "../abort.ts";
import { messageOf } from "../errors.ts";
import { SECOND } from "../time.ts";
import { isLasting } from "./google-lasting.ts";

/** Who a process is to Google. */
export interface GoogleIdentity {
  /**
   * A token that is valid now, and what it came from: the same as before unless credentials had to be
   * looked for again, as they are when Google takes those found earlier no more. Google is asked for one
   * only when the last is about to end. Throws `CredentialsError`.
   */
  token(): Promise<GoogleToken>;
  /** Looks for credentials, without asking Google for anything. Throws `CredentialsError` if there are none. */
  find(): Promise<unknown>;
  /** Has credentials looked for again, unless they have been since: those of a token are accepted no more. */
  forget(token: GoogleToken): void;
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
  /** How long a token may take, in milliseconds, before it is asked for anew. Default: 30,000. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 30 * SECOND;

/** No token needs a project, but Google's library asks around for one, over the network, unless it is told one. */
const NO_PROJECT = "none";

/**
 * The credentials Google's libraries find by themselves: the file named by GOOGLE_APPLICATION_CREDENTIALS
 * (a key, or the configuration of a workload identity federation), gcloud's own, or the machine's.
 * Looked for at the first use, and again after each failure.
 */
export function googleIdentity({ scope, patienceMs }: IdentityOptions): GoogleIdentity {
  const { find, forget, isFound } = sourceOf(scope);
  const tokenOf = async (source: AuthClient): Promise<GoogleToken> => {
    try {
      return { token: await tokenInTime(source, patienceMs), source };
    } catch (error) {
      forget(source);
      throw notAccepted(error);
    }
  };
  return {
    find,
    forget: ({ source }) => forget(source),
    async token() {
      const isOld = isFound();
      const source = await find();
      try {
        return await tokenOf(source);
      } catch (error) {
        if (!isOld || !isLastingFailure(error)) throw error;
        return await tokenOf(await find());
      }
    },
  };
}

/** Credentials that are looked for once, for all who ask, until they are forgotten; a failure always is. */
function sourceOf(scope: string) {
  let found: Promise<AuthClient> | undefined;
  let current: AuthClient | undefined;
  return {
    isFound: () => found !== undefined,
    find(): Promise<AuthClient> {
      found ??= findSource(scope).then(
        (source) => {
          current = source;
          return source;
        },
        (error: unknown) => {
          found = undefined;
          throw error;
        },
      );
      return found;
    },
    /** Whoever comes late, with what was forgotten before, changes nothing. */
    forget(source: AuthClient): void {
      if (source !== current) return;
      current = undefined;
      found = undefined;
    },
  };
}

/**
 * What `work` comes to, which needs a token. Throws a `CredentialsError` that does not last if `signal` is
 * aborted before that; the work goes on, and its token serves whoever asks next.
 */
export async function withToken<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const done = signal.aborted ? undefined : await unlessAborted(signal, work());
  if (done !== undefined) return done.value;
  throw new CredentialsError(`${NO_TOKEN}: it did not come in time`, { lasting: false });
}

async function findSource(scope: string): Promise<AuthClient> {
  const { GoogleAuth } = await import("google-auth-library");
  try {
    return await new GoogleAuth({ scopes: scope, projectId: NO_PROJECT }).getClient();
  } catch (error) {
    throw notFound(error);
  }
}

/** Google's library waits for ever, and all who ask wait together. */
async function tokenInTime(source: AuthClient, ms = PATIENCE_MS): Promise<string> {
  const { token } = await inTime(AbortSignal.timeout(ms), ms, source.getAccessToken());
  if (!token) throw new Error("no token came");
  return token;
}

/** Whether the credentials are of no use until a person has done something about them. */
function isLastingFailure(error: unknown): boolean {
  return error instanceof CredentialsError && error.lasting;
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

const NO_TOKEN = "Google gives no token for the credentials of this process just now";

function notAccepted(error: unknown): CredentialsError {
  const lasting = isLasting(error) ?? false;
  const what = lasting ? "Google does not accept the credentials of this process" : NO_TOKEN;
  return failure(what, error, lasting);
}

function failure(what: string, error: unknown, lasting: boolean): CredentialsError {
  const advice = lasting ? `; ${CREDENTIALS_ADVICE}` : "";
  return new CredentialsError(`${what}: ${messageOf(error)}${advice}`, { lasting, cause: error });
}
