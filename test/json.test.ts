import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  asJson,
  canonicalJson,
  inexactNumber,
  isJsonObject,
  type JsonValue,
  mergePatch,
} from "../src/json.ts";

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

describe("a number of a JSON text", () => {
  test.each([
    ['{"big":12345678901234567890}', "12345678901234567890"],
    ["[-9007199254740993]", "-9007199254740993"],
    ['{"a":[{"b":1e400}]}', "1e400"],
    ["[1E+999, 12345678901234567890]", "1E+999"],
  ])("that reading changes is found: %s", (text, number) => {
    expect(inexactNumber(text)).toBe(number);
  });

  test.each([
    ["[9007199254740991, -9007199254740991, 18014398509481984, 100000000000000000000]"],
    ["[0.1234567890123456789, 1.5e300, 1e-400, -0, 1.0, 1e3]"],
    ['{"12345678901234567890": "12345678901234567890 1e400", "n": null, "t": true}'],
    ["{}"],
  ])("that every reader takes for the same, and text, are let be: %s", (text) => {
    expect(inexactNumber(text)).toBeUndefined();
  });

  test("of a value that was written by JSON itself is never found", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(inexactNumber(JSON.stringify(value))).toBeUndefined();
      }),
    );
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
