import type * as z from "zod";
import type { App } from "../app.ts";
import type { JsonValue } from "../json.ts";
import type { Scope, Token } from "../tokens.ts";

/** What a handler gets: a request that was checked. */
export interface Call {
  readonly app: App;
  /** Parts of the path by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** The parsed body; null if the route takes none. */
  readonly body: JsonValue;
  readonly header: (name: string) => string | undefined;
  /** Whoever asks; absent on routes that are open. */
  readonly token: Token | undefined;
  readonly signal: AbortSignal;
}

/** What a handler answers: a status and a JSON document, or a response of its own. */
export type Answer =
  | {
      readonly status: number;
      readonly body: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | Response;

/** One operation of the API, as data: what serves it and what describes it are made from the same. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT";
  /** As Hono writes it: `/runs/:id`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** What a token must allow; `open` needs none. */
  readonly scope: Scope | "open";
  /** Texts of the query by name, with what they mean. */
  readonly query?: Readonly<Record<string, string>>;
  /** What the body is, for the description; the core checks it and reports all its faults. */
  readonly body?: z.ZodType;
  /** What comes back, by status. */
  readonly responses: Readonly<
    Record<number, { readonly description: string; readonly schema?: z.ZodType }>
  >;
  handle(call: Call): Promise<Answer>;
}
