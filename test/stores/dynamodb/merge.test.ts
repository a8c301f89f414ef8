import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { merge } from "../../../src/stores/dynamodb/merge.ts";

async function* source<T>(items: readonly T[], taken: T[] = []): AsyncGenerator<T, undefined> {
  for (const item of items) {
    taken.push(item);
    yield item;
  }
  return undefined;
}

const ascending = (a: number, b: number) => a - b;

describe("merged sources", () => {
  it("give all of theirs, in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.integer()), { maxLength: 16 }), async (lists) => {
        const sorted = lists.map((list) => list.toSorted(ascending));

        const merged = await Array.fromAsync(
          merge(
            sorted.map((list) => source(list)),
            ascending,
          ),
        );

        expect(merged).toStrictEqual(lists.flat().sort(ascending));
      }),
    );
  });

  it("are read no further than the caller goes, and one ahead", async () => {
    const taken: number[] = [];
    for await (const item of merge([source([1, 3, 5], taken), source([2, 4], taken)], ascending)) {
      if (item === 2) break;
    }
    expect(taken.toSorted(ascending)).toStrictEqual([1, 2, 3]);
  });

  it("pass on what one of them throws", async () => {
    async function* broken(): AsyncGenerator<number, undefined> {
      yield 1;
      throw new Error("throttled");
    }
    await expect(Array.fromAsync(merge([source([1, 2]), broken()], ascending))).rejects.toThrow(
      "throttled",
    );
  });
});
