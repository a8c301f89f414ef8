import { describe, expect, it } from "vitest";
import { codeOf, failureOf, textOf } from "../../../src/backends/vertex/errors.ts";

function error(code: unknown, message = "", more: object = {}): Error {
  return Object.assign(new Error(message), { code }, more);
}

const quota =
  "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_nvidia_l4_gpus";
const rate =
  "Quota exceeded for quota metric 'Job or LRO submission requests' and limit 'Job or LRO submission requests per minute per region'";

describe("an error of Google's client", () => {
  it.each([
    ["a rate over gRPC", error(8, rate), "throttled"],
    ["a rate by HTTP's number", error(429, rate), "throttled"],
    ["an exhausted resource nobody names", error(8, "Resource has been exhausted"), "throttled"],
    ["a quota on machines", error(8, quota), "no_quota"],
    [
      "a quota on machines as raw JSON",
      error(429, JSON.stringify({ error: { message: quota } })),
      "no_quota",
    ],
    [
      "a quota on machines told by its metric",
      error(8, "Quota exceeded", {
        errorInfoMetadata: { quota_metric: "aiplatform.googleapis.com/custom_model_training_cpus" },
      }),
      "no_quota",
    ],
    ["a bad argument", error(3), "refused"],
    ["a bad argument by HTTP's number", error(400), "refused"],
    ["a missing right", error(7), "refused"],
    ["something unknown", error(5), "refused"],
    ["something unknown by HTTP's number", error(404), "refused"],
    ["a failed precondition", error(9), "refused"],
    ["something out of range", error(11), "refused"],
    ["a method that does not exist", error(12), "refused"],
    ["a token that is not accepted", error(16), "unauthenticated"],
    ["a token that is not accepted, by HTTP's number", error(401), "unauthenticated"],
    ["a deadline", error(4), "unknown"],
    ["a cancelled call", error(1), "unknown"],
    ["an internal error", error(13), "unknown"],
    ["a server error by HTTP's number", error(500), "unknown"],
    ["an aborted call", error(10), "unknown"],
    ["a service that is busy", error(14, "The service is currently unavailable."), "unknown"],
    [
      "a connection that breaks",
      error(14, "14 UNAVAILABLE: read ECONNRESET", { cause: { syscall: "read" } }),
      "unknown",
    ],
    [
      "a connection that breaks without a code",
      error("ECONNRESET", "", { syscall: "read" }),
      "unknown",
    ],
    [
      "a refused connection over gRPC",
      error(
        14,
        "14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1",
      ),
      "unreachable",
    ],
    [
      "a host without address over gRPC",
      error(14, "Name resolution failed for target dns:x:443"),
      "unreachable",
    ],
    [
      "a refused connection over REST",
      error(14, "", { cause: error("ECONNREFUSED", "", { cause: { erroredSysCall: "connect" } }) }),
      "unreachable",
    ],
    ["a host without address", error("ENOTFOUND", "", { syscall: "getaddrinfo" }), "unreachable"],
    [
      "a host none of whose addresses answers",
      error(14, "", { cause: { errors: [{ syscall: "connect" }, { syscall: "connect" }] } }),
      "unreachable",
    ],
    [
      "a host one of whose addresses has answered",
      error(14, "", { cause: { errors: [{ syscall: "connect" }, { syscall: "read" }] } }),
      "unknown",
    ],
    ["nothing that is known", "oops", "unknown"],
    ["nothing", undefined, "unknown"],
  ] as const)("that tells of %s is sorted", (_, thrown, wanted) => {
    expect(failureOf(thrown)).toBe(wanted);
  });

  it("that is its own cause does no harm", () => {
    const loop = error(14);
    loop.cause = loop;
    expect(failureOf(loop)).toBe("unknown");
  });

  it("has a code as gRPC numbers it, if any", () => {
    expect([codeOf(error(5)), codeOf(error(404)), codeOf(error(418)), codeOf(error("x"))]).toEqual([
      5,
      5,
      -1,
      undefined,
    ]);
  });

  it("is told without the long address it names", () => {
    const text =
      "request to https://a.b:443/v1/c?d=e failed, reason: connect ECONNREFUSED 1.2.3.4:443";
    expect(textOf(new Error(text))).toBe("a.b:443: connect ECONNREFUSED 1.2.3.4:443");
    expect(textOf(new Error("7 PERMISSION_DENIED: no"))).toBe("7 PERMISSION_DENIED: no");
  });
});
