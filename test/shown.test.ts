import { describe, expect, test } from "vitest";
import type { LaunchPlan } from "../src/backend.ts";
import type { JsonObject } from "../src/json.ts";
import { shownPlans } from "../src/shown.ts";
import { launchRequest } from "./contracts/request.ts";

const planned = (): LaunchPlan => ({ target: "here", launch: {}, secrets: [], warnings: [] });

function isShown(always: boolean, options: JsonObject): boolean {
  const shown = shownPlans(always);
  const plan = planned();
  expect(shown.note(launchRequest({ config: { options } }), plan)).toBe(plan);
  expect(shown.has(planned())).toBe(false);
  return shown.has(plan);
}

describe("the output of a run", () => {
  test("is shown if its agent shows all or its run config says so", () => {
    expect(isShown(true, {})).toBe(true);
    expect(isShown(true, { stream_output: false })).toBe(true);
    expect(isShown(false, { stream_output: true })).toBe(true);
  });

  test("is not shown else", () => {
    expect(isShown(false, {})).toBe(false);
    expect(isShown(false, { stream_output: false })).toBe(false);
    expect(isShown(false, { stream_output: "yes" })).toBe(false);
  });
});
