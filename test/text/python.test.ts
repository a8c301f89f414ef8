import { describe, expect, it } from "vitest";
import { labelListText, pythonText } from "../../src/text/python.ts";

describe("Python's text", () => {
  it.each([
    ["text as it is", "it's", "it's"],
    ["a whole number", 1024, "1024"],
    ["a whole number beyond 2^53", 1e21, "1000000000000000000000"],
    ["a fraction", 0.5, "0.5"],
    ["a negative fraction", -2.25, "-2.25"],
    ["a fraction just above Python's exponent", 0.0001, "0.0001"],
    ["a fraction below it", 0.00001, "1e-05"],
    ["a small fraction with digits", -1.5e-7, "-1.5e-07"],
    ["a very small fraction", 1e-100, "1e-100"],
    ["infinity", Number.POSITIVE_INFINITY, "inf"],
    ["minus infinity", Number.NEGATIVE_INFINITY, "-inf"],
    ["no number", Number.NaN, "nan"],
    ["true", true, "True"],
    ["false", false, "False"],
    ["null", null, "None"],
    ["a list", ["a", 1, null, [true]], "['a', 1, None, [True]]"],
    ["an object", { a: 1, "b'": { c: [] }, d: undefined }, `{'a': 1, "b'": {'c': []}, 'd': None}`],
  ])("of %s is right", (_, value, expected) => {
    expect(pythonText(value)).toBe(expected);
  });
});

describe("the text of a list of labels", () => {
  it.each([
    [[], "[]"],
    [["a", "b"], "['a', 'b']"],
    [["it's"], `["it's"]`],
    [[`'"`], `['\\'"']`],
    [["\u{e0001}"], "['\\U000e0001']"],
    [["\u2028"], "['\\u2028']"],
    [["\ud800"], "['\\ud800']"],
    [["\u00a0\u00ad"], "['\\xa0\\xad']"],
  ])("of %j escapes what Python escapes", (labels, expected) => {
    expect(labelListText(labels)).toBe(expected);
  });
});
