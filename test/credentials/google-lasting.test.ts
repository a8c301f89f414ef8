import { describe, expect, it } from "vitest";
import { isLasting } from "../../src/credentials/google-lasting.ts";

const errorWith = (properties: object, cause?: unknown) =>
  Object.assign(new Error("failed", { cause }), properties);

describe("a failure to get a token", () => {
  it.each([
    ["a refusal of the token service", errorWith({ status: 400 })],
    ["an identity nobody knows", errorWith({ status: 401 })],
    ["a right that is missing", errorWith({ status: 403, code: 403 })],
    ["a file that is not there", errorWith({ code: "ENOENT" })],
    ["a key that is none", errorWith({ code: "ERR_OSSL_UNSUPPORTED" })],
    ["a file that is no JSON", new SyntaxError("Unexpected end of JSON input")],
    ["a refusal that is the cause", errorWith({}, errorWith({ status: 400 }))],
  ])("lasts for %s", (_, error) => {
    expect(isLasting(error)).toBe(true);
  });

  it.each([
    ["an internal error of the token service", errorWith({ status: 500 })],
    ["a token service that is asked too often", errorWith({ status: 429 })],
    ["a token service that timed out", errorWith({ status: 408 })],
    ["a connection refused", errorWith({ code: "ECONNREFUSED" })],
    ["a connection that broke", errorWith({}, errorWith({ code: "ECONNRESET" }))],
    ["a name that is not found just now", errorWith({ code: "EAI_AGAIN" })],
    [
      "fetch that gave up",
      new TypeError("fetch failed", { cause: errorWith({ code: "UND_ERR_CONNECT_TIMEOUT" }) }),
    ],
    ["a call that took too long", new DOMException("too long", "TimeoutError")],
  ])("passes for %s", (_, error) => {
    expect(isLasting(error)).toBe(false);
  });

  it.each(["thrown text", undefined, new Error("no token came"), errorWith({ code: 5 })])(
    "may be either for %s",
    (error) => {
      expect(isLasting(error)).toBeUndefined();
    },
  );

  it("may be either where its causes go in a circle", () => {
    const circle = errorWith({});
    circle.cause = circle;
    expect(isLasting(circle)).toBeUndefined();
  });
});
