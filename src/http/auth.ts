import type { App } from "../app.ts";
import { PermanentError } from "../errors.ts";
import type { Scope, Token } from "../tokens.ts";
import { HttpError } from "./problem.ts";
import { allows, hashOf } from "./tokens.ts";

/** Names under which a loopback server is addressed. */
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/**
 * The token of a request. Throws `HttpError` (401) without a known one and `PermanentError`
 * ("forbidden") if its scope is not enough. Tokens are found by their hash, so comparing takes as long
 * for a wrong one as for any other.
 */
export async function authenticate(
  app: App,
  authorization: string | undefined,
  needed: Scope,
): Promise<Token> {
  const text = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  const token = text === undefined ? undefined : await app.tokens.find(hashOf(text));
  if (token === undefined) {
    const why = text === undefined ? "no token was sent" : "the token is not known";
    throw new HttpError(
      "unauthenticated",
      `${why}: make one with \`sluice token create NAME\` and send it as "Authorization: Bearer …"`,
      { "www-authenticate": 'Bearer realm="sluice"' },
    );
  }
  if (!allows(token.scope, needed)) {
    throw new PermanentError(
      "forbidden",
      `token ${token.name} has scope ${token.scope}, and this needs ${needed}`,
    );
  }
  return token;
}

/**
 * Refuses requests that name another host: a page of a foreign site can make a browser send requests
 * to this machine, but not under this machine's name.
 */
export function checkHost(host: string | undefined, allowed: readonly string[] | "any"): void {
  if (allowed === "any") return;
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  if ([...LOOPBACK, ...allowed.map((known) => known.toLowerCase())].includes(name)) return;
  throw new HttpError("wrong_host", `the host ${name || "(none)"} is not served here`);
}
