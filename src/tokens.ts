import { PermanentError } from "./errors.ts";
import type { Timestamp } from "./time.ts";

/** What a token allows; each scope includes the ones before it. */
export const SCOPES = ["read", "run", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** A bearer token as stored: only its hash is known. */
export interface Token {
  readonly name: string;
  readonly scope: Scope;
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  readonly createdAt: Timestamp;
}

/** PORT. The tokens of the HTTP API. */
export interface TokenStore {
  /** Stores a token. Throws `PermanentError` ("conflict") if there is another one of its name. */
  add(token: Token): Promise<void>;
  /** The token with this hash. */
  find(hash: string): Promise<Token | undefined>;
  /** All tokens, by name. */
  list(): Promise<readonly Token[]>;
  /** Removes a token by name; false if there was none. */
  remove(name: string): Promise<boolean>;
}

/** What is said of a token whose name another one has. */
export function tokenExists(name: string): PermanentError {
  return new PermanentError(
    "conflict",
    `a token ${name} exists: remove it first, or choose another name`,
  );
}
