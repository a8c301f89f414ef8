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

/** No request left this machine, and another try may: no connection, no answer of whoever gives credentials. */
export class NotSentError extends Error {
  override readonly name = "NotSentError";
}

/**
 * No request left this machine, and none will until a person has changed something: no cluster is known,
 * or what leads to it is of no use.
 */
export class AccessError extends Error {
  override readonly name = "AccessError";
  /** Whether nothing at all says which cluster is meant. */
  readonly nowhere: boolean;

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly nowhere?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.nowhere = options.nowhere ?? false;
  }
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

const RENEW =
  "its credentials are missing or have expired: renew them where the agent's kubeconfig has them from, and run it again";

/** Whether a failure is one of the network, told by its code, or by the words of a program. */
export function isOfNetwork(error: unknown): boolean {
  const cause = deepestCause(error);
  return (
    BEFORE_SENDING.has(codeOf(cause)) ||
    /could not connect|timed? ?out|network|unreachable|no such host|resolve|connection (refused|reset|closed)|temporar|throttl|rate exceeded|socket/i.test(
      messageOf(cause),
    )
  );
}

/**
 * What a failed creation means for a launch. Throws `PermanentError` if Kubernetes will never take the
 * Job, and the error itself if the Job may have been created all the same.
 *
 * A quota that is used up is a 403 like a missing right, told apart by its words alone.
 */
export function answerTo(error: unknown, what: string): LaunchAnswer {
  if (error instanceof NotSentError) return { type: "unavailable", message: error.message };
  if (error instanceof AccessError) {
    throw new PermanentError("rejected", `${what} cannot be made: ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof KubernetesError)) throw error;
  const message = `Kubernetes refused ${what}: ${error.message}`;
  switch (error.status) {
    case 401:
      throw new PermanentError("rejected", `${message}; ${RENEW}`, { cause: error });
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
