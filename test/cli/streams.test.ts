import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inOrder } from "../../src/cli/in-order.ts";
import { type Line, linesOf } from "../../src/cli/lines.ts";

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

describe("lines", () => {
  const texts = async (pieces: readonly Uint8Array[], longest?: number) =>
    (await collect(linesOf(from(pieces), longest))).map((line: Line) =>
      "text" in line ? line.text : line.tooLong,
    );

  test("come whole, however the stream is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme" }).filter((text) => !/^\uFEFF|\n/.test(text))),
        fc.array(fc.nat(20)),
        fc.boolean(),
        async (lines, cuts, ended) => {
          const bytes = Buffer.from(lines.join("\n") + (ended && lines.length > 0 ? "\n" : ""));
          const pieces: Uint8Array[] = [];
          let at = 0;
          for (const cut of cuts) pieces.push(bytes.subarray(at, (at += cut)));
          pieces.push(bytes.subarray(at));
          const expected = ended || lines.at(-1) !== "" ? lines : lines.slice(0, -1);
          expect(await texts(pieces)).toEqual(expected);
        },
      ),
    );
  });

  test("lose the byte order mark they begin with, and no other", async () => {
    const mark = "\uFEFF";
    const text = Buffer.from(`${mark}a${mark}\n${mark}${mark}b\nc`);
    expect(await texts([text])).toEqual([`a${mark}`, `${mark}b`, "c"]);
  });

  test("that are too long are counted, not kept", async () => {
    const pieces = ["a\nbbb", "bbb\n", "cccc\n", "ddddd"].map((text) => Buffer.from(text));
    expect(await texts(pieces, 4)).toEqual(["a", 6, "cccc", 5]);
  });
});

describe("in order", () => {
  test("results keep the order of the items, whichever is done first", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3)),
        fc.integer({ min: 1, max: 5 }),
        async (waits, limit) => {
          let atWork = 0;
          const work = async (wait: number) => {
            atWork++;
            expect(atWork).toBeLessThanOrEqual(limit);
            for (let n = 0; n < wait; n++) await sleep(0);
            atWork--;
            return wait;
          };
          expect(await collect(inOrder(from(waits), limit, work))).toEqual(waits);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("a result is there although the next item is not", async () => {
    async function* source() {
      yield 1;
      await new Promise(() => undefined);
    }
    const results = inOrder(source(), 4, async (item) => item * 2);
    expect(await results.next()).toEqual({ done: false, value: 2 });
  });

  test("takes no more items than there is room for while nobody reads", async () => {
    let taken = 0;
    async function* source() {
      for (;;) yield taken++;
    }
    const results = inOrder(source(), 3, async (item) => item);
    await results.next();
    await sleep(5);
    expect(taken).toBeLessThanOrEqual(5);
  });

  test("passes on what the source throws", async () => {
    async function* source() {
      yield 1;
      throw new Error("cut off");
    }
    await expect(collect(inOrder(source(), 2, async (item) => item))).rejects.toThrow("cut off");
  });
});
