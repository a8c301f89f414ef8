import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batches, chunks } from "../src/chunks.ts";

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

describe("a list in batches", () => {
  const limits = { most: 3, mostBytes: 10, bytesOf: (bytes: number) => bytes };

  test("begins a new one where the next item has no room, in number or in bytes", () => {
    expect(batches([1, 1, 1, 1], limits)).toEqual([[1, 1, 1], [1]]);
    expect(batches([4, 6, 1, 10, 9], limits)).toEqual([[4, 6], [1], [10], [9]]);
    expect(batches([], limits)).toEqual([]);
  });

  test("has an item over the limit by itself", () => {
    expect(batches([1, 11, 0, 1], limits)).toEqual([[1], [11], [0, 1]]);
  });

  test("has every item once, in order, and no batch that could take the first of the next", () => {
    const lists = fc.array(fc.integer({ min: 0, max: 10 }));
    fc.assert(
      fc.property(lists, (list) => {
        const made = batches(list, limits);
        expect(made.flat()).toEqual(list);
        const fits = (batch: readonly number[]) =>
          batch.length <= 3 && batch.reduce((sum, bytes) => sum + bytes, 0) <= 10;
        for (const [index, batch] of made.entries()) {
          expect(batch.length > 0 && fits(batch)).toBe(true);
          const next = made[index + 1]?.[0];
          if (next !== undefined) expect(fits([...batch, next])).toBe(false);
        }
      }),
    );
  });
});
