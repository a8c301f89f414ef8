import { describe, expect, it } from "vitest";
import {
  credentialsFaultOf,
  hasNoCredentials,
  withoutCredentials,
} from "../../src/credentials/aws.ts";

const named = (name: string) => Object.assign(new Error("no"), { name });

describe("a failure of AWS", () => {
  it.each([
    ["CredentialsProviderError", "none"],
    ["TokenProviderError", "none"],
    ["ExpiredToken", "expired"],
    ["ExpiredTokenException", "expired"],
    ["UnrecognizedClientException", "unfit"],
    ["InvalidAccessKeyId", "unfit"],
    ["SignatureDoesNotMatch", "unfit"],
    ["IncompleteSignature", "unfit"],
    ["IncompleteSignatureException", "unfit"],
  ])("named %s is one of credentials: %s", (name, fault) => {
    expect(credentialsFaultOf(named(name))).toBe(fault);
    expect(hasNoCredentials(named(name))).toBe(true);
  });

  it.each([
    named("AccessDeniedException"),
    named("TimeoutError"),
    named("constructor"),
    "ExpiredToken",
    undefined,
  ])("is none of credentials: %s", (error) => {
    expect(hasNoCredentials(error)).toBe(false);
  });

  it("of credentials ends with what could not be done, why, and what helps", () => {
    const cause = named("ExpiredToken");
    const error = withoutCredentials("the file x cannot be read", cause);
    expect(error).toMatchObject({ code: "rejected", cause });
    expect(error.message).toMatch(/^the file x cannot be read: .*ExpiredToken: no; set or renew/);
    expect(withoutCredentials("x", cause, "name none").message).toMatch(/, or name none$/);
  });
});
