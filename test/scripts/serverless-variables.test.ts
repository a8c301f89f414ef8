import { describe, expect, test } from "vitest";
import { checkParameters } from "../../scripts/serverless-variables.ts";

describe("the parameters of a deployment", () => {
  const KNOWN = ["config", "apiRate", "dispatchConcurrency", "keepDays"];
  const FIT = { dispatchConcurrency: "2", keepDays: 15, apiRate: "1" };

  test("that AWS would refuse, or that would lose runs, are refused together", () => {
    checkParameters(FIT, { given: [], known: KNOWN });
    const unfit = { dispatchConcurrency: 1, keepDays: "14", apiRate: "abc" };
    expect(() => checkParameters(unfit, { given: [], known: KNOWN })).toThrow(
      /dispatchConcurrency: expected .* 2 to 1000, got 1; keepDays: expected .* 14 days .*, got 14; apiRate: expected .* from 1, got abc/,
    );
  });

  test.each(["0", "-1", "1.5", "", "Infinity"])("allow no rate of %j requests", (apiRate) => {
    const names = { given: [], known: KNOWN };
    expect(() => checkParameters({ ...FIT, apiRate }, names)).toThrow(/apiRate: expected/);
  });

  test("are those that the service knows: whoever misspells one is told them all", () => {
    checkParameters(FIT, { given: ["config=a=b.yml", "keepDays=15"], known: KNOWN });
    const given = ["keepDays=15", "dispatchConcurency=5", "x=1=2"];
    expect(() => checkParameters(FIT, { given, known: KNOWN })).toThrow(
      /^the deployment is not valid: dispatchConcurency: expected one of the parameters config, apiRate, dispatchConcurrency, keepDays.*; x: expected one of/,
    );
  });
});
