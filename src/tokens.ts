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
  /** Stores a token; one of the same name is replaced. */
  add(token: Token): Promise<void>;
  /** The token with this hash. */
  find(hash: string): Promise<Token | undefined>;
  /** All tokens, by name. */
  list(): Promise<readonly Token[]>;
  /** Removes a token by name; false if there was none. */
  remove(name: string): Promise<boolean>;
}
