import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { brief, MOST_BYTES } from "../src/brief.ts";
import { invalid } from "../src/errors.ts";

const inJson = (text: string) => Buffer.byteLength(JSON.stringify(text)) - 2;
const texts = fc.string({ unit: "binary", maxLength: 3_000 });

describe("a text in a head", () => {
  test("is whole if it is short enough, else its beginning with an ellipsis", () => {
    expect(brief("x".repeat(MOST_BYTES))).toBe("x".repeat(MOST_BYTES));
    expect(brief("x".repeat(MOST_BYTES + 1))).toBe(`${"x".repeat(MOST_BYTES - 3)}…`);
    expect(brief("🦦".repeat(MOST_BYTES))).toBe(`${"🦦".repeat(249)}…`);
  });

  test("never takes more than it may, whatever is in it, and is the same when cut again", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const short = brief(text);
        expect(inJson(short)).toBeLessThanOrEqual(MOST_BYTES);
        expect(text.startsWith(short.replace(/…$/, ""))).toBe(true);
        expect(brief(short)).toBe(short);
      }),
    );
  });
});

describe("the faults of a document", () => {
  const faults = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ path: `labels.${index}`, message: "wrong" }));

  test("are all told where there is room", () => {
    const error = invalid("the message", faults(3));
    expect(error.message).toBe(
      "the message is not valid: labels.0: wrong; labels.1: wrong; labels.2: wrong",
    );
    expect(error.brief).toBe(error.message);
  });

  test("are told as far as there is room, and how many more there are", () => {
    const message = invalid("the message", faults(8_000)).brief;
    const shown = message.match(/labels\.\d+: wrong/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(40);
    expect(message).toMatch(/^the message is not valid: labels\.0: wrong; labels\.1: wrong; /);
    expect(message.endsWith(`; … and ${8_000 - shown} more`)).toBe(true);
  });

  test("are told in part where the first alone is too long, and how many more there are", () => {
    const long = { path: "labels.0", message: "x".repeat(2_000) };
    const message = invalid("the message", [long, ...faults(2)]).brief;
    expect(message).toMatch(/^the message is not valid: labels\.0: x+…; … and 2 more$/);
  });

  test("never take more than they may, however long each of them is", () => {
    const issue = fc.record({ path: texts, message: texts });
    fc.assert(
      fc.property(texts, fc.array(issue, { maxLength: 5 }), (what, issues) => {
        const message = invalid(what, issues).brief;
        expect(inJson(message)).toBeLessThanOrEqual(MOST_BYTES);
        expect(message).not.toBe("");
      }),
    );
  });
});
