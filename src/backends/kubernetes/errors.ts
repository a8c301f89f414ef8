import type { LaunchAnswer } from "../../backend.ts";
import { messageOf, PermanentError } from "../../errors.ts";

/** What the API server answered in place of what was asked for. */
export class KubernetesError extends Error {
  override readonly name = "KubernetesError";
  readonly status: number;
  /** Kubernetes' own word for it, such as `AlreadyExists`; empty if there is none. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** No request left this machine: no credentials, no address, no connection. */
export class NotSentError extends Error {
  override readonly name = "NotSentError";
}

/** Failures of a connection that come before anything is sent over it. */
const BEFORE_SENDING = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_CLOSED",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** The error of a request without an answer; an aborted one stays as it is. */
export function connectionError(server: string, error: unknown): unknown {
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) {
    return error;
  }
  const cause = deepestCause(error);
  const code = codeOf(cause);
  const message = `the Kubernetes API at ${server} gave no answer: ${messageOf(cause) || code}`;
  return BEFORE_SENDING.has(code)
    ? new NotSentError(message, { cause })
    : new Error(message, { cause });
}

/**
 * What a failed creation means for a launch. Throws `PermanentError` if Kubernetes will never take the
 * Job, and the error itself if the Job may have been created all the same.
 *
 * A quota that is used up is a 403 like a missing right, told apart by its words alone.
 */
export function answerTo(error: unknown, what: string): LaunchAnswer {
  if (error instanceof NotSentError) return { type: "unavailable", message: error.message };
  if (!(error instanceof KubernetesError)) throw error;
  const message = `Kubernetes refused ${what}: ${error.message}`;
  switch (error.status) {
    case 401:
      return { type: "unavailable", message: `${message}; its credentials must be renewed` };
    case 429:
      return { type: "throttled", message };
    case 403:
      if (/exceeded quota/i.test(error.message)) return { type: "refused", message };
      throw new PermanentError("rejected", message, { cause: error });
    case 408:
    case 409:
      throw error;
    default:
      if (error.status >= 500) throw error;
      throw new PermanentError("rejected", message, { cause: error });
  }
}

function deepestCause(error: unknown): unknown {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  // Where several addresses were tried, each has failed for a reason of its own.
  return current instanceof AggregateError ? (current.errors[0] ?? current) : current;
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return String(error.code);
}
