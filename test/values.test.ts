import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { check, checked, show } from "../src/check.ts";
import { messageOf, PermanentError } from "../src/errors.ts";
import { asJson, canonicalJson, isJsonObject, type JsonValue, mergePatch } from "../src/json.ts";
import { jsonLogger, silentLogger } from "../src/log.ts";
import { maskVariables } from "../src/mask.ts";
import { nameFor } from "../src/run-name.ts";
import { between, later, plus, timestamp } from "../src/time.ts";

describe("canonical JSON", () => {
  test("is the same for equal values, however their members are ordered", () => {
    const shuffle = (value: JsonValue): JsonValue => {
      if (Array.isArray(value)) return value.map(shuffle);
      if (!isJsonObject(value)) return value;
      const members = Object.entries(value).toReversed();
      return Object.fromEntries(
        members.map(([key, member]) => [key, shuffle(member as JsonValue)]),
      );
    };
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value)) as JsonValue;
        expect(canonicalJson(shuffle(json))).toBe(canonicalJson(json));
        expect(JSON.parse(canonicalJson(json))).toEqual(json);
      }),
    );
  });

  test("leaves out what is undefined", () => {
    expect(canonicalJson({ b: 1, a: undefined, c: [null] })).toBe('{"b":1,"c":[null]}');
  });
});

describe("an object as plain JSON", () => {
  test("has dates as text and nothing that is undefined", () => {
    const value = { at: new Date(0), gone: undefined, list: [{ x: 1, y: undefined }] };
    expect(asJson(value)).toStrictEqual({ at: "1970-01-01T00:00:00.000Z", list: [{ x: 1 }] });
  });
});

describe("a merge patch", () => {
  test.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [["a"], ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ a: 1 }, { a: undefined }, { a: 1 }],
  ] as [JsonValue, JsonValue, JsonValue][])("of %j with %j is %j", (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });
});

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

describe("checking a document", () => {
  const schema = z.strictObject({
    size: z.int(),
    colour: z.enum(["red", "blue"]),
    name: z.string().max(3, "expected at most 3 characters"),
    any: z.date().optional(),
  });

  test("reports every fault with path, what was expected and what came", () => {
    const result = check(
      schema,
      { size: 1.5, colour: "green", name: "long name", more: 1 },
      "root",
    );
    expect(result).toEqual({
      ok: false,
      issues: [
        { path: "root.size", message: "expected a whole number, got 1.5 (number)" },
        { path: "root.colour", message: 'expected red, blue, got the text "green"' },
        { path: "root.name", message: 'expected at most 3 characters, got the text "long name"' },
        { path: "root", message: "unknown key more" },
      ],
    });
    expect(check(z.date(), 7)).toMatchObject({
      issues: [{ path: "", message: "expected date, got 7 (number)" }],
    });
  });

  test("gives the value, or throws with all faults in one message", () => {
    const good = { size: 1, colour: "red", name: "abc" };
    expect(checked(schema, good, "the box")).toEqual(good);
    expect(() => checked(schema, { ...good, size: null, name: undefined }, "the box")).toThrow(
      "the box is not valid: size: expected a number, got null; name: expected text, got nothing",
    );
    expect(() => checked(schema, 1, "the box")).toThrow(
      "the box is not valid: expected an object, got 1 (number)",
    );
  });

  test("shows values shortly and without what may be secret in them", () => {
    expect([[1, 2], { a: 1 }, "x".repeat(100), true].map(show)).toEqual([
      "a list of 2",
      "an object",
      `the text "${"x".repeat(57)}..."`,
      "true (boolean)",
    ]);
  });
});

test("an error keeps its cause, and anything thrown has a text", () => {
  const cause = new Error("deep");
  expect(new PermanentError("image", "no", { cause }).cause).toBe(cause);
  expect(new PermanentError("image", "no")).not.toHaveProperty("cause");
  expect(messageOf("plain")).toBe("plain");
});

test("moments compare as text and can be moved", () => {
  const noon = timestamp(new Date("2026-11-21T12:00:00Z"));
  expect(plus(noon, -1)).toBe("2026-11-21T11:59:59.999Z");
  expect(later(noon, plus(noon, 1))).toBe(plus(noon, 1));
  expect(later(plus(noon, 1), noon)).toBe(plus(noon, 1));
  expect(between(noon, plus(noon, 5))).toBe(5);
});

test("a run without a name gets the same easy one each time", () => {
  expect(nameFor("6c9e5ac0")).toBe(nameFor("6c9e5ac0"));
  fc.assert(
    fc.property(fc.string(), (id) => {
      expect(nameFor(id)).toMatch(/^[a-z]+-[a-z]+$/);
    }),
  );
  const names = new Set(Array.from({ length: 1_000 }, (_, index) => nameFor(`id-${index}`)));
  expect(names.size).toBeGreaterThan(500);
});

test("log lines are JSON with a constant message and fields", () => {
  const lines: string[] = [];
  const log = jsonLogger(
    (line) => lines.push(line),
    () => new Date("2026-11-21T12:00:00Z"),
  );
  log.info("run changed state", { runId: "r1" });
  log.warn("message failed");
  log.error("tick failed");
  expect(lines).toEqual([
    '{"time":"2026-11-21T12:00:00.000Z","level":"info","message":"run changed state","runId":"r1"}\n',
    '{"time":"2026-11-21T12:00:00.000Z","level":"warn","message":"message failed"}\n',
    '{"time":"2026-11-21T12:00:00.000Z","level":"error","message":"tick failed"}\n',
  ]);
  expect([silentLogger.info("x"), silentLogger.warn("x"), silentLogger.error("x")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
