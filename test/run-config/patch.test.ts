import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonObject, mergePatch } from "../../src/json.ts";
import { effectiveRunConfig } from "../../src/run-config/patch.ts";

const FLOWS = {
  type: "ECSRun",
  cpu: "256",
  env: { A: "1", B: "2" },
  run_task_kwargs: { a: 1, b: 2 },
};

describe("the run config that applies", () => {
  test("is the flow's if the run has none, and universal if neither has one", () => {
    expect(effectiveRunConfig(FLOWS, undefined)).toBe(FLOWS);
    expect(effectiveRunConfig(null, undefined)).toEqual({ type: "UniversalRun" });
    expect(effectiveRunConfig(undefined, {})).toEqual({ type: "UniversalRun" });
  });

  test("is the run's own as it stands if it has a type, even a wrong one", () => {
    const own = { type: "LocalRun", env: { C: null } };
    expect(effectiveRunConfig(FLOWS, own)).toBe(own);
    expect(effectiveRunConfig(FLOWS, { type: null })).toEqual({ type: null });
  });

  test("is the flow's with the run's laid over it: null deletes, but not a variable", () => {
    const patch = {
      cpu: null,
      memory: "1024",
      env: { B: null, C: "3" },
      run_task_kwargs: { a: null },
    };
    expect(effectiveRunConfig(FLOWS, patch)).toEqual({
      type: "ECSRun",
      memory: "1024",
      env: { A: "1", B: null, C: "3" },
      run_task_kwargs: { b: 2 },
    });
  });

  test("loses all variables when env itself is patched with null", () => {
    expect(effectiveRunConfig(FLOWS, { env: null })).not.toHaveProperty("env");
  });

  test("keeps null variables in the config of a flow runner too", () => {
    const flows = { type: "docker", config: { env: { A: "1" }, image: "i", labels: { x: "y" } } };
    const patch = { config: { env: { A: null, B: "2" }, labels: { x: null }, image: null } };
    expect(effectiveRunConfig(flows, patch)).toEqual({
      type: "docker",
      config: { env: { A: null, B: "2" }, labels: {} },
    });
  });

  test("is what RFC 7396 makes of the two wherever no variables are concerned", () => {
    const object = fc.dictionary(
      fc.string().filter((key) => !["type", "env", "config", "__proto__"].includes(key)),
      fc.jsonValue({ maxDepth: 3 }),
    );
    fc.assert(
      fc.property(object, object, (flows, patch) => {
        const base = { ...flows, type: "ECSRun" } as JsonObject;
        expect(effectiveRunConfig(base, patch as JsonObject)).toEqual(
          mergePatch(base, patch as JsonObject),
        );
      }),
    );
  });

  test("has each variable of the patch, and of the flow each that the patch does not name", () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.constant(null));
    const env = fc.dictionary(fc.stringMatching(/^[A-E]$/), value);
    fc.assert(
      fc.property(env, env, fc.boolean(), (flows, patch, runner) => {
        const wrap = (variables: JsonObject): JsonObject =>
          runner ? { config: { env: variables } } : { env: variables };
        const type = runner ? "docker" : "ECSRun";
        expect(effectiveRunConfig({ ...wrap(flows), type }, wrap(patch))).toEqual({
          ...wrap({ ...flows, ...patch }),
          type,
        });
      }),
    );
  });
});
