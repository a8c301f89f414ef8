import { createHash, randomBytes } from "node:crypto";
import { checked } from "../check.ts";
import { flowName } from "../flow.ts";
import type { Timestamp } from "../time.ts";
import { SCOPES, type Scope, type Token } from "../tokens.ts";

/**
 * Makes a token: 256 random bits, so that a plain hash is enough to keep. The text is shown once and
 * never stored. Throws `PermanentError` ("invalid") for a name that holds other than visible characters.
 */
export function newToken(
  name: string,
  scope: Scope,
  now: Timestamp,
): { readonly text: string; readonly token: Token } {
  checked(flowName, name, "the name of the token");
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
