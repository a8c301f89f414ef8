import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundedMap } from "../src/bounded.ts";

describe("a bounded map", () => {
  test("drops what was put longest ago; putting counts again, asking does not", () => {
    const map = boundedMap<number>(2);
    map.put("a", 1);
    map.put("b", 2);
    map.put("a", 3);
    expect(map.get("b")).toBe(2);
    map.put("c", 4);
    expect(["a", "b", "c"].map(map.get)).toEqual([3, undefined, 4]);
  });

  test("has room again when an entry is deleted", () => {
    const map = boundedMap<number>(2);
    map.put("a", 1);
    map.put("b", 2);
    map.delete("b");
    map.delete("unknown");
    map.put("c", 3);
    expect(["a", "b", "c"].map(map.get)).toEqual([1, undefined, 3]);
  });

  test("holds the newest values of the keys put last, and no others", () => {
    const keys = fc.array(fc.constantFrom("a", "b", "c", "d", "e"));
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 4 }), (put, most) => {
        const map = boundedMap<number>(most);
        put.forEach((key, index) => map.put(key, index));
        const last = [...new Set(put.toReversed())].slice(0, most);
        for (const key of new Set(put)) {
          expect(map.get(key)).toBe(last.includes(key) ? put.lastIndexOf(key) : undefined);
        }
      }),
    );
  });
});
