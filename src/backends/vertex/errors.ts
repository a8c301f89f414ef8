import { messageOf } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";

/** Codes of gRPC, which Google's client uses over REST as well. */
const NOT_FOUND = 5;
const INVALID_ARGUMENT = 3;
export const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const OUT_OF_RANGE = 11;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
export const UNAUTHENTICATED = 16;

/** HTTP's codes, which stand for gRPC's in answers that are no proper Google errors. */
const FROM_HTTP: Readonly<Record<number, number>> = {
  400: INVALID_ARGUMENT,
  401: UNAUTHENTICATED,
  403: PERMISSION_DENIED,
  404: NOT_FOUND,
  429: RESOURCE_EXHAUSTED,
  501: UNIMPLEMENTED,
  503: UNAVAILABLE,
};

/** What an error says of a call. */
export type Failure =
  /** Asked too often: nothing happened. */
  | "throttled"
  /** A quota on machines is used up: nothing happened, and nothing can until a job ends. */
  | "no_quota"
  /** The request never reached Vertex AI. */
  | "unreachable"
  /** The credentials do not count, or no more. */
  | "unauthenticated"
  /** Refused: the same request is refused again. */
  | "refused"
  /** Vertex AI may have done it or not. */
  | "unknown";

/** Sorts an error of Google's client. Pure. */
export function failureOf(error: unknown): Failure {
  switch (codeOf(error)) {
    case RESOURCE_EXHAUSTED:
      return isMachineQuota(error) ? "no_quota" : "throttled";
    case UNAVAILABLE:
      return neverConnected(error) ? "unreachable" : "unknown";
    case UNAUTHENTICATED:
      return "unauthenticated";
    case INVALID_ARGUMENT:
    case NOT_FOUND:
    case PERMISSION_DENIED:
    case FAILED_PRECONDITION:
    case OUT_OF_RANGE:
    case UNIMPLEMENTED:
      return "refused";
    case undefined:
      return neverConnected(error) ? "unreachable" : "unknown";
    default:
      return "unknown";
  }
}

/** The code of an error as gRPC numbers it; undefined if it has none. */
export function codeOf(error: unknown): number | undefined {
  const code = isRecord(error) ? error["code"] : undefined;
  if (typeof code !== "number") return undefined;
  return code < 100 ? code : (FROM_HTTP[code] ?? -1);
}

/** What an error says, without the long address it may name. */
export function textOf(error: unknown): string {
  return messageOf(error).replace(/^request to https?:\/\/([^/]+)\S* failed, reason:/, "$1:");
}

/** Says in an error what could not be done. */
export async function explained<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new Error(`could not ${what} on Vertex AI: ${textOf(error)}`, { cause: error });
  }
}

/** Undefined where Vertex AI does not know the job. */
export async function unlessUnknown<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Whether a job cannot be cancelled for the state it is in, as the service may put it. */
export function isWrongState(error: unknown): boolean {
  const code = codeOf(error);
  return code === FAILED_PRECONDITION || code === INVALID_ARGUMENT;
}

/**
 * RESOURCE_EXHAUSTED has two meanings. Quotas on machines are metrics named `custom_model_training_…`;
 * all else is taken for a rate, because then the launch is merely tried again later.
 */
function isMachineQuota(error: unknown): boolean {
  const details = isRecord(error) ? error["errorInfoMetadata"] : undefined;
  const metric = isRecord(details) ? String(details["quota_metric"] ?? "") : "";
  return /custom_model_training_/.test(`${metric} ${messageOf(error)}`);
}

/** Names of failures before a connection is made: at looking up the host, or at connecting to it. */
const BEFORE_CONNECTION = new Set(["getaddrinfo", "connect"]);

/** gRPC wraps such a failure in text; REST keeps it as the cause. */
function neverConnected(error: unknown): boolean {
  for (let at = error, depth = 0; isRecord(at) && depth < 8; at = at["cause"], depth++) {
    if (BEFORE_CONNECTION.has(String(at["syscall"] ?? at["erroredSysCall"]))) return true;
    const errors = at["errors"];
    if (Array.isArray(errors) && errors.length > 0 && errors.every(neverConnected)) return true;
  }
  return /^(14 UNAVAILABLE: )?(No connection established|Name resolution failed)/.test(
    messageOf(error),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value instanceof Error || isJsonObject(value);
}
