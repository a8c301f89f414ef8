import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunks } from "../src/chunks.ts";

describe("a list in parts", () => {
  test("has full parts and one of what is left", () => {
    expect(chunks([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
    expect(chunks([1, 2], 2)).toEqual([[1, 2]]);
    expect(chunks([], 2)).toEqual([]);
  });

  test("has every item once, in order, and no part that is empty or too large", () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 10 }), (list, size) => {
        const parts = chunks(list, size);
        expect(parts.flat()).toEqual(list);
        expect(parts).toHaveLength(Math.ceil(list.length / size));
        for (const part of parts) expect(part.length).toBeGreaterThan(0);
        for (const part of parts) expect(part.length).toBeLessThanOrEqual(size);
      }),
    );
  });
});
