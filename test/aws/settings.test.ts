import { describe, expect, test } from "vitest";
import { settingsOf, tableOf } from "../../src/aws/settings.ts";

const ENV = {
  SLUICE_TABLE: "sluice-dev",
  SLUICE_QUEUE: "sluice-dev-runs",
  SLUICE_CONFIG: "dist/config/sluice.json",
  SLUICE_LAUNCH_LEASE_SECONDS: "70",
  SLUICE_KEEP_DAYS: "90",
};

describe("the environment of a function", () => {
  test("says what is needed, times in milliseconds", () => {
    expect(settingsOf(ENV)).toEqual({
      table: "sluice-dev",
      queue: "sluice-dev-runs",
      config: "dist/config/sluice.json",
      launchLeaseMs: 70_000,
      keepDays: 90,
      dispatchConcurrency: 1,
    });
  });

  test("says how many launch side by side where it matters", () => {
    const env = { ...ENV, SLUICE_DISPATCH_CONCURRENCY: "20" };
    expect(settingsOf(env).dispatchConcurrency).toBe(20);
  });

  test("is refused with every fault at once", () => {
    const env = {
      SLUICE_TABLE: "sluice-dev",
      SLUICE_KEEP_DAYS: "-1",
      SLUICE_DISPATCH_CONCURRENCY: "",
    };
    const paths = [
      "SLUICE_QUEUE",
      "SLUICE_CONFIG",
      "SLUICE_LAUNCH_LEASE_SECONDS",
      "SLUICE_LAUNCH_LEASE_SECONDS",
      "SLUICE_KEEP_DAYS",
      "SLUICE_DISPATCH_CONCURRENCY",
    ];
    expect(() => settingsOf(env)).toThrow(
      expect.objectContaining({ issues: paths.map((path) => expect.objectContaining({ path })) }),
    );
  });

  test("is asked for its table alone where no more is needed, and must have one", () => {
    expect(tableOf({ SLUICE_TABLE: "sluice-dev" })).toBe("sluice-dev");
    for (const env of [{}, { SLUICE_TABLE: "" }]) {
      expect(() => tableOf(env)).toThrow(
        expect.objectContaining({
          code: "invalid",
          message:
            "the environment of the function is not valid: SLUICE_TABLE: expected text, got nothing",
        }),
      );
    }
  });
});
