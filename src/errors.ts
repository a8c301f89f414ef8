import { brief, briefList, SEPARATOR } from "./brief.ts";

/** One fault of a document: where it is, and what to say of it. */
export interface Issue {
  /** Dotted path from the document's root, such as `run_config.cpu`; empty for the document itself. */
  readonly path: string;
  /** What was expected and what came, in one sentence. */
  readonly message: string;
}

/**
 * The closed list of reasons why something can never work as asked.
 *
 * `invalid` a document with faults · `too_large` a document over a size limit · `unknown_flow`,
 * `not_found` a name nobody knows · `no_agent` no agent takes the run · `conflict` the same id with
 * other content · `forbidden` what the agent's owner has not allowed · `template` a template that
 * cannot be read or parsed · `image` an image that cannot be had · `rejected` a launch the platform
 * refuses for good · `start_failed` a job that cannot start as asked · `unsupported` something this
 * backend cannot do.
 */
export const ERROR_CODES = [
  "invalid",
  "too_large",
  "unknown_flow",
  "not_found",
  "no_agent",
  "conflict",
  "forbidden",
  "template",
  "image",
  "rejected",
  "start_failed",
  "unsupported",
] as const;

/** One of `ERROR_CODES`. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * A failure that no retry can cure. Anything else that is thrown means: try again.
 *
 * The message names the thing, what was expected, what came, and what to do.
 */
export class PermanentError extends Error {
  override readonly name = "PermanentError";
  readonly code: ErrorCode;
  /** The single faults, if a document had some. */
  readonly issues: readonly Issue[];
  /** The message, short enough for the head of a run. Default: its beginning. */
  readonly brief: string;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly issues?: readonly Issue[];
      readonly brief?: string;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.issues = options.issues ?? [];
    this.brief = options.brief ?? brief(message);
  }
}

/** Makes the error of a document from all its faults; the message holds each of them, the brief one some. */
export function invalid(what: string, issues: readonly Issue[]): PermanentError {
  const beginning = `${what} is not valid: `;
  const faults = issues.map(faultText);
  return new PermanentError("invalid", `${beginning}${faults.join(SEPARATOR)}`, {
    issues,
    brief: briefList(beginning, faults),
  });
}

/** A fault as a message holds it. */
function faultText({ path, message }: Issue): string {
  return path === "" ? message : `${path}: ${message}`;
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
