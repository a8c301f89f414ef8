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
