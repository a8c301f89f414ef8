import { describe, expect, test } from "vitest";
import * as z from "zod";
import { check, checked, show } from "../src/check.ts";

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

  test.each([
    [z.number().min(0), -3, "expected at least 0, got -3 (number)"],
    [z.number().gt(0), 0, "expected more than 0, got 0 (number)"],
    [z.number().max(9), 10, "expected at most 9, got 10 (number)"],
    [z.number().lt(9), 9, "expected less than 9, got 9 (number)"],
    [z.string().min(1), "", 'expected at least 1 characters, got the text ""'],
    [z.array(z.int()).max(1), [1, 2], "expected at most 1 entries, got a list of 2"],
    [z.union([z.int(), z.string()]), true, "expected another kind of value, got true (boolean)"],
    [z.string().regex(/^a/), "b", /^Invalid .*, got the text "b"$/],
  ])(
    "says what is expected in the same words wherever a schema says nothing: %#",
    (one, value, message) => {
      const expected = typeof message === "string" ? message : expect.stringMatching(message);
      expect(check<unknown>(one, value)).toEqual({
        ok: false,
        issues: [{ path: "", message: expected }],
      });
    },
  );

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
