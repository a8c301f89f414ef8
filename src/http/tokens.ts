import { createHash, randomBytes } from "node:crypto";
import type { Timestamp } from "../time.ts";
import { SCOPES, type Scope, type Token } from "../tokens.ts";

/**
 * Makes a token: 256 random bits, so that a plain hash is enough to keep. The text is shown once and
 * never stored.
 */
export function newToken(
  name: string,
  scope: Scope,
  now: Timestamp,
): { readonly text: string; readonly token: Token } {
  const text = `sluice_${randomBytes(32).toString("base64url")}`;
  return { text, token: { name, scope, hash: hashOf(text), createdAt: now } };
}

/** The hash under which a token is stored: SHA-256, in hex. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Whether a scope allows what another one asks for: each includes the ones before it. */
export function allows(scope: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}
