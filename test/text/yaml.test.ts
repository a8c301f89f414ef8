import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import { parseYaml } from "../../src/text/yaml.ts";

const read = (text: string) => parseYaml(text, "template t");

function faultOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof PermanentError && error.code === "template") return error.message;
    throw error;
  }
  return "none";
}

describe("plain text in YAML", () => {
  it.each([
    ["yes Yes YES on On ON true True TRUE", true],
    ["no No NO off Off OFF false False FALSE", false],
    ["~ null Null NULL", null],
  ])("%s is %j", (words, expected) => {
    for (const word of words.split(" ")) expect(read(`k: ${word}`)).toEqual({ k: expected });
  });

  it.each([
    ["0", 0],
    ["-0", 0],
    ["+12", 12],
    ["1_000", 1000],
    ["017", 15],
    ["-017", -15],
    ["0_7", 7],
    ["0x1F", 31],
    ["-0x_f", -15],
    ["0b1_01", 5],
    ["1:30", 90],
    ["-1:00:01", -3601],
    ["9007199254740991", 9007199254740991],
    ["1.5", 1.5],
    ["-1_0.5", -10.5],
    ["1.", 1],
    [".5", 0.5],
    ["1.0e+3", 1000],
    ["2.5e-1", 0.25],
    ["1:30.5", 90.5],
  ])("%s is the number %j", (text, expected) => {
    expect(read(`k: ${text}`)).toEqual({ k: expected });
  });

  it.each(
    "y Y n tRUE 1e3 1.0e3 08 0o17 -.5 0x 0x_ 0b_ 0b2 0:30 1:60 _1 2021-01-01 = << 1.2.3 .".split(
      " ",
    ),
  )("%s stays text", (text) => {
    expect(read(`[${text}]`)).toEqual([text]);
  });

  it("is text wherever it is quoted or tagged as such", () => {
    expect(read(`["yes", '017', !!str 1_000, ! 5, "~"]`)).toEqual([
      "yes",
      "017",
      "1_000",
      "5",
      "~",
    ]);
  });

  it.each(["9007199254740992", "-12345678901234567890", ".inf", "-.INF", ".nan", "1.5e+400"])(
    "%s is refused, for JSON cannot hold it",
    (text) => {
      expect(faultOf(`a: 1\nb: ${text}`)).toBe(
        "template t is not valid YAML at line 2, column 4: a number JSON cannot hold; put it in quotes",
      );
    },
  );
});

describe("a document in YAML", () => {
  it.each([
    ["nothing", "", null],
    ["a comment", "# only\n", null],
    ["an end", "---\n...\n", null],
    ["a list without an entry", "- \n- a", [null, "a"]],
    ["a mapping in a list", "[a: b, c]", [{ a: "b" }, "c"]],
    [
      "keys that are no text",
      "1: a\nyes: b\n~: c\n1.5: d",
      { "1": "a", true: "b", null: "c", "1.5": "d" },
    ],
    ["a key twice", "a: 1\na: 2", { a: 2 }],
    ["a key called __proto__", "__proto__: {x: 1}", JSON.parse('{"__proto__":{"x":1}}')],
    ["JSON", '{"a": 1.5, "b": [true, null, "\\u00e9"]}', { a: 1.5, b: [true, null, "é"] }],
    ["a directive of a later version", "%YAML 1.2\n---\na: yes", { a: true }],
    ["block texts", "a: |\n  x\n  y\nb: >-\n  x\n  y\n", { a: "x\ny\n", b: "x y" }],
  ])("of %s is read", (_, text, expected) => {
    const value = read(text);
    expect(value).toEqual(expected);
    expect(JSON.stringify(value)).toBe(JSON.stringify(expected));
  });

  it("repeats what an alias stands for", () => {
    expect(read("a: &x {p: [1]}\nb: *x\nc: &x 2\nd: *x")).toEqual({
      a: { p: [1] },
      b: { p: [1] },
      c: 2,
      d: 2,
    });
  });

  it("merges mappings below a key's own members, the first one first", () => {
    const anchors = "x: &x {p: 1, q: 1}\ny: &y {p: 2, r: 2}\n";
    expect(read(`${anchors}z: {q: 3, <<: *x}`)).toHaveProperty("z", { p: 1, q: 3 });
    expect(read(`${anchors}z: {<<: [*x, *y]}`)).toHaveProperty("z", { p: 1, q: 1, r: 2 });
    expect(read(`${anchors}z: {<<: *x, <<: *y}`)).toHaveProperty("z", { p: 2, q: 1, r: 2 });
    expect(read('z: {"<<": {p: 1}}')).toEqual({ z: { "<<": { p: 1 } } });
  });

  it.each([
    ["indentation that is off", "a: 1\n  b: secret\n", 1],
    ["a bracket left open", "a: [1, secret\n", 2],
    ["a tab as indentation", "a:\n\t- secret", 2],
    ["two documents", "a: 1\n---\nb: secret", 2],
    ["an alias of nothing", "a: 1\nb: *secret", 2],
    ["an alias of what is around it", "a: 1\nb: &secret [*secret]", 2],
    ["an alias as a merged mapping of itself", "a: 1\nb: &secret {<<: *secret}", 2],
    ["a merge of no mapping", "a: 1\nb: {<<: secret}", 2],
    ["a tag of a language", "a: 1\nb: !!python/object:os.system secret", 2],
    ["a tag of its own", "a: 1\nb: !secret x", 2],
    ["a value its tag does not fit", "a: 1\nb: !!int secret", 2],
    ["a date by tag", "a: 1\nb: !!timestamp 2021-01-01", 2],
    ["a list as a key", "a: 1\n? [secret]\n: 1", 2],
    ["an unknown escape", 'a: 1\nb: "\\qsecret"', 2],
  ])("with %s is refused by line and column, without content", (_, text, line) => {
    const fault = faultOf(text);
    expect(fault).toMatch(
      new RegExp(`^template t is not valid YAML at line ${line}, column \\d+: [a-z]`),
    );
    expect(fault).not.toContain("secret");
  });

  it("that would write out millions of aliases is refused at once", () => {
    const laughs = (open: string, close: string) =>
      Array.from({ length: 30 }, (_, level) => {
        const items = Array(10).fill(level === 0 ? "ha" : `*l${level - 1}`);
        return `l${level}: &l${level} ${open}${items.join(", ")}${close}`;
      }).join("\n");
    expect(faultOf(laughs("[", "]"))).toMatch(/line 6, column \d+: too long with its aliases/);
    expect(faultOf(laughs("{a: [", "]}"))).toMatch(/line 6, column \d+: too long with its aliases/);
  });

  it("that repeats a long text many times is refused", () => {
    const repeat = `a: &a ${"x".repeat(100_000)}\nb: [${Array(100).fill("*a").join(", ")}]`;
    expect(faultOf(repeat)).toMatch(/line 2, column \d+: too long/);
  });

  it("of many thousand values without aliases is read", () => {
    const lines = Array.from(
      { length: 20_000 },
      (_, index) => `key_${index}: some ${index % 7} text`,
    );
    expect(Object.keys(read(lines.join("\n")) ?? {})).toHaveLength(20_000);
  });

  it.each([
    ["lists", "[", "]"],
    ["mappings", "{a: ", "}"],
    ["keys", "? ", ""],
  ])("nested in %s is read up to a depth of 100 and refused beyond", (_, open, close) => {
    const nested = (depth: number) => open.repeat(depth) + close.repeat(depth);
    for (const depth of [101, 300, 20_000]) {
      expect(faultOf(nested(depth))).toMatch(
        / line 1, column \d+: (?:nested too deeply|a key that is)/,
      );
    }
    if (open !== "? ") expect(faultOf(nested(99))).toBe("none");
  });

  it("is no deeper than 100 with its aliases written out", () => {
    const chain = (depth: number) =>
      Array.from({ length: depth }, (_, level) =>
        level === 0 ? "- &a0 []" : `- &a${level} [*a${level - 1}]`,
      ).join("\n");
    expect(faultOf(chain(99))).toBe("none");
    expect(faultOf(chain(100))).toMatch(/line 100, column \d+: nested too deeply/);
    expect(faultOf(`${chain(50)}\n- [[*a49]]\n- *a0\n- [[[*a1]]]`)).toBe("none");
  });

  it("is JSON or refused, whatever it is", () => {
    const line = fc.constantFrom(
      "a: ",
      "- ",
      "&x ",
      "*x",
      "<<: ",
      "{",
      "}",
      "[",
      "]",
      "\n",
      "  ",
      "1",
      "!!",
      "|",
      "'",
      '"',
      ":",
      ",",
      "? ",
      "~",
      "\t",
      "%",
      "#",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (parts) => {
        const text = parts.join("");
        if (faultOf(text) !== "none") return;
        const value = read(text);
        expect(JSON.parse(JSON.stringify(value))).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  it("written as JSON is read as it was, but for numbers with an exponent", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        // Whole numbers beyond 2^53 are refused, for JSON readers would change them.
        fc.pre(!/\d[eE]|\d{16}/.test(json) && !json.includes("-0"));
        expect(read(json)).toEqual(JSON.parse(json));
      }),
    );
  });
});
