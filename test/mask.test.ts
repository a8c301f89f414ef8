import { describe, expect, test } from "vitest";
import { maskVariables } from "../src/mask.ts";

describe("masked variables", () => {
  test("are hidden in each form platforms know, and nothing else is", () => {
    const launch = {
      env: { KEY: "k", OPEN: "o", GONE: null },
      Env: ["KEY=k", "KEY", "OPEN=o"],
      environment: [
        { name: "KEY", value: "k" },
        { name: "OPEN", value: "o" },
        { name: "KEY", valueFrom: "x" },
        7,
      ],
      KEY: "not a variable",
      nested: [{ env: { KEY: "k" } }],
      none: undefined,
    };
    expect(maskVariables(launch, ["KEY", "GONE"])).toEqual({
      env: { KEY: "***", OPEN: "o", GONE: null },
      Env: ["KEY=***", "KEY", "OPEN=o"],
      environment: [
        { name: "KEY", value: "***" },
        { name: "OPEN", value: "o" },
        { name: "KEY", valueFrom: "x" },
        7,
      ],
      KEY: "not a variable",
      nested: [{ env: { KEY: "***" } }],
    });
  });
});
