import * as z from "zod";
import { type ErrorCode, type Issue, PermanentError } from "../errors.ts";

/** What an error of the API looks like: RFC 9457, with our code and the single faults. */
export const problemSchema = z.object({
  type: z.string().describe("Stable for each code: /problems/<code>."),
  title: z.string().describe("The same for each code."),
  status: z.int(),
  detail: z.string().describe("What happened here, and what to do."),
  code: z.string(),
  issues: z
    .array(z.object({ path: z.string(), message: z.string() }))
    .describe("Every fault of the request."),
});

/** What is wrong with the request as HTTP, before it is read. */
export type HttpCode =
  | "unauthenticated"
  | "wrong_host"
  | "not_json"
  | "wrong_media_type"
  | "wrong_method"
  | "internal";

const STATUSES: Readonly<Record<ErrorCode | HttpCode, readonly [status: number, title: string]>> = {
  invalid: [422, "The request has faults"],
  too_large: [413, "The request is too large"],
  unknown_flow: [422, "The flow is not registered"],
  not_found: [404, "Not found"],
  no_agent: [422, "No agent takes the run"],
  conflict: [409, "The id is taken by another request"],
  forbidden: [403, "Not allowed"],
  template: [422, "The template cannot be used"],
  image: [422, "The image cannot be used"],
  rejected: [422, "The platform refuses the launch"],
  start_failed: [422, "The job cannot start"],
  unsupported: [409, "Not possible here"],
  unauthenticated: [401, "A token is needed"],
  wrong_host: [421, "This host is not served here"],
  not_json: [400, "The body is not JSON"],
  wrong_media_type: [415, "The body is of another type"],
  wrong_method: [405, "Not with this method"],
  internal: [500, "A fault of Sluice"],
};

/** An error of HTTP itself, thrown by whatever reads a request. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly code: HttpCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: HttpCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.headers = headers;
  }
}

/** The answer to whatever was thrown; undefined for a fault of ours, of which nothing is told. */
export function problemOf(error: unknown): Response | undefined {
  if (error instanceof PermanentError) {
    return problem(error.code, error.message, { issues: error.issues });
  }
  if (error instanceof HttpError) {
    return problem(error.code, error.message, { headers: error.headers });
  }
  return undefined;
}

/** A problem document. */
export function problem(
  code: ErrorCode | HttpCode,
  detail: string,
  extra: {
    readonly issues?: readonly Issue[];
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  const [status, title] = STATUSES[code];
  const { issues = [], headers = {} } = extra;
  const body = { type: `/problems/${code}`, title, status, detail, code, issues };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
