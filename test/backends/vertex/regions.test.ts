import { describe, expect, it } from "vitest";
import { noCredentials } from "../../../src/backends/vertex/credentials.ts";
import { agentOptions } from "../../../src/backends/vertex/options.ts";
import { addressOf, regionalApis } from "../../../src/backends/vertex/regions.ts";

describe("the address of a region", () => {
  it.each([
    [undefined, { host: "europe-west4-aiplatform.googleapis.com", insecure: false }],
    ["vertex.internal", { host: "vertex.internal", insecure: false }],
    ["vertex.internal:8443", { host: "vertex.internal", port: 8443, insecure: false }],
    ["https://vertex.internal:8443", { host: "vertex.internal", port: 8443, insecure: false }],
    ["http://127.0.0.1:9000", { host: "127.0.0.1", port: 9000, insecure: true }],
  ])("is, with %j set, %j", (endpoint, wanted) => {
    expect(addressOf(endpoint, "europe-west4")).toEqual(wanted);
  });
});

describe("the APIs of an agent", () => {
  const apiFor = regionalApis(agentOptions.parse({}), {
    credentials: noCredentials(),
    closing: new AbortController().signal,
  });

  it("are one for each region", () => {
    const here = apiFor("projects/a/locations/us-central1");
    expect(apiFor("projects/b/locations/us-central1/customJobs/1")).toBe(here);
    expect(apiFor("projects/a/locations/europe-west4")).not.toBe(here);
  });

  it("are refused for what names no region", () => {
    expect(() => apiFor("projects/a")).toThrow(
      /expected projects\/…\/locations\/REGION, got projects\/a/,
    );
  });
});
