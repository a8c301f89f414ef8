import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPosition, writePosition } from "../../../src/stores/dynamodb/cursor.ts";

const OURS = /^flow#/;

describe("a cursor", () => {
  it("gives back the position it was made of", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 100 }), (name) => {
        expect(readPosition(writePosition(`flow#${name}`), OURS)).toBe(`flow#${name}`);
      }),
    );
  });

  it.each(["", "%%%", writePosition("run#1"), writePosition(`flow#${"é".repeat(510)}`)])(
    "that is not ours, or longer than any key, is refused: %j",
    (cursor) => {
      expect(() => readPosition(cursor, OURS)).toThrow("expected the cursor of a page before");
    },
  );
});
