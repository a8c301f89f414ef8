import { messageOf } from "../../errors.ts";

/** An engine answered that it cannot do what was asked; the message is its own. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** The HTTP status of its answer. */
  readonly status: number;

  constructor(status: number, words: string) {
    super(words);
    this.status = status;
  }
}

/** No engine was reached, so nothing that was asked has happened. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** What the refusal of an image means for the launch that needs it. */
export type PullFailure =
  /** The image cannot be had. */
  | "image"
  /** The registry is asked too often. */
  | "throttled"
  /** The registry cannot be reached right now. */
  | "unavailable";

/** Codes of errors that come before a connection stands. */
const UNCONNECTED = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "EACCES",
  "EPERM",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
]);

/** Tells what went wrong with a call to the engine at `target`. */
export function callError(error: unknown, target: string): Error {
  const { statusCode, code, syscall } = details(error);
  if (statusCode !== undefined) return new EngineError(statusCode, words(error));
  if (
    code !== undefined &&
    (UNCONNECTED.has(code) || (code === "ETIMEDOUT" && syscall === "connect"))
  ) {
    return new UnreachableError(
      `the Docker engine at ${target} cannot be reached (${code}): is it running, and may this process use it?`,
      { cause: error },
    );
  }
  return new Error(`the Docker engine at ${target} did not answer: ${messageOf(error)}`, {
    cause: error,
  });
}

/** Whether the engine said so with this status. */
export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof EngineError && error.status === status;
}

/** Whether a name is taken: 409, or another status with the same words, such as 400 from 17.09. */
export function isNameConflict(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false;
  return error.status === 409 || /name .*is already in use/i.test(error.message);
}

/** Whether a container could not be made because its image is not there. */
export function isMissingImage(error: unknown): boolean {
  return hasStatus(error, 404) && /image/i.test(messageOf(error));
}

/**
 * Whether the engine refuses something for good. Among server errors only those count that speak of the
 * request or of what the machine does not have; any other may be gone the next time.
 */
export function isRefusal({ status, message }: EngineError): boolean {
  if (status === 429 || status === 408) return false;
  return status < 500 || FOR_GOOD.test(message);
}

const FOR_GOOD =
  /^invalid |: invalid |could not select device driver|unknown (or invalid )?runtime/i;

/** Sorts the words with which the engine says that it could not pull an image. */
export function pullFailureOf(message: string): PullFailure {
  if (/toomanyrequests|too many requests|rate limit|\b429\b/i.test(message)) return "throttled";
  if (TRANSIENT.test(message)) return "unavailable";
  return "image";
}

/** Words of a network or a registry in trouble. A host name nobody knows is not among them. */
const TRANSIENT =
  /timeout|timed out|deadline exceeded|connection (refused|reset)|broken pipe|unreachable|temporary failure|server misbehaving|unexpected EOF|: EOF|received unexpected HTTP status: 5|\b50[0234]\b|service unavailable|bad gateway/i;

/** The engine's own words, without the frame dockerode puts around them. */
function words(error: unknown): string {
  const { json } = details(error);
  const message = typeof json === "object" && json !== null && "message" in json && json.message;
  if (typeof message === "string" && message !== "") return message;
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .trim();
}

interface Details {
  readonly statusCode?: number;
  readonly code?: string;
  readonly syscall?: string;
  readonly json?: unknown;
}

function details(error: unknown): Details {
  return typeof error === "object" && error !== null ? error : {};
}
