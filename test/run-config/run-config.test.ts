import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRunConfig, TYPES } from "../../src/run-config/index.ts";
import { serializeRunConfig } from "../../src/run-config/serialize.ts";
import { faults, read } from "./read.ts";
import { VALID } from "./samples.ts";

describe("a run config of any type", () => {
  test.each([
    ["UniversalRun", "any"],
    ["LocalRun", "local"],
    ["DockerRun", "docker"],
    ["KubernetesRun", "kubernetes"],
    ["ECSRun", "ecs"],
    ["VertexRun", "vertex"],
    ["universal", "any"],
    ["subprocess", "local"],
    ["docker", "docker"],
    ["kubernetes", "kubernetes"],
  ])("%s asks for the backend %s", (type, backend) => {
    expect(read({ type })).toMatchObject({ type, backend, labels: [], env: {} });
  });

  test.each([
    [undefined, "got nothing"],
    [null, "got null"],
    [7, "got 7 (number)"],
    [["ECSRun"], "got a list of 1"],
    ["ecsrun", 'got the text "ecsrun"'],
    ["constructor", 'got the text "constructor"'],
    ["__proto__", 'got the text "__proto__"'],
  ])("with the type %j is refused, and told the types there are", (type, got) => {
    expect(faults({ type })).toEqual([
      `run_config.type: expected one of ${TYPES.join(", ")}, ${got}`,
    ]);
  });

  test.each([["text"], [1], [null], [[]], [undefined]])("is refused if it is %j", (wire) => {
    const [fault] = faults(wire);
    expect(fault).toMatch(/^run_config: expected an object, got /);
  });

  test("has issue paths below the place it stands at, or none if it is the document", () => {
    const wire = { type: "ECSRun", cpu: 1 };
    const issues = (at?: string) => {
      const parsed = parseRunConfig(wire, at);
      return parsed.ok ? [] : parsed.issues.map(({ path }) => path);
    };
    expect([issues(), issues("flow.run_config")]).toEqual([["cpu"], ["flow.run_config.cpu"]]);
  });

  test("is read or refused with issues, whatever JSON it is", () => {
    const wire = fc.oneof(
      fc.jsonValue(),
      fc.record({ type: fc.constantFrom(...TYPES), config: fc.jsonValue(), env: fc.jsonValue() }),
      fc
        .tuple(fc.constantFrom(...TYPES), fc.dictionary(fc.string(), fc.jsonValue()))
        .map(([type, fields]) => ({ ...fields, type })),
    );
    fc.assert(
      fc.property(wire, (value) => {
        const parsed = parseRunConfig(value, "run_config");
        if (parsed.ok) return;
        expect(parsed.issues.length).toBeGreaterThan(0);
        for (const { path } of parsed.issues) expect(path).toMatch(/^run_config/);
      }),
    );
  });

  test.each(TYPES)("%s names the field whose value is wrong, whatever the value", (type) => {
    const valid = VALID[type];
    if (valid === undefined) throw new Error(`no samples of ${type}`);
    fc.assert(
      fc.property(valid, fc.constantFrom(7, "text", [[]]), (wire, wrong) => {
        const flowRunner = "config" in wire;
        const broken = flowRunner
          ? { ...wire, config: { ...(wire["config"] as object), env: wrong } }
          : { ...wire, env: wrong };
        const path = flowRunner ? "run_config.config.env" : "run_config.env";
        expect(faults(broken)).toHaveLength(1);
        expect(faults(broken)[0]).toContain(`${path}: expected an object, got`);
      }),
      { numRuns: 20 },
    );
  });

  test.each(TYPES)("%s survives being written and read again", (type) => {
    const valid = VALID[type];
    if (valid === undefined) throw new Error(`no samples of ${type}`);
    fc.assert(
      fc.property(valid, (wire) => {
        const config = read(wire);
        const written = JSON.parse(JSON.stringify(serializeRunConfig(config))) as unknown;
        expect(read(written)).toEqual(JSON.parse(JSON.stringify(config)));
        expect(serializeRunConfig(read(written))).toEqual(written);
      }),
    );
  });
});
