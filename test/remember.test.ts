import { beforeEach, describe, expect, test } from "vitest";
import { remember } from "../src/remember.ts";

let time: number;
let asked: string[];
beforeEach(() => {
  time = 0;
  asked = [];
});

/** Answers with how often it was asked, and remembers that for a second, or for good if the key says so. */
function remembered(read: (key: string) => Promise<number> = async () => asked.length) {
  return remember(
    (key) => {
      asked.push(key);
      return read(key);
    },
    {
      now: () => new Date(time),
      lifetimeMs: (key) => (key === "for good" ? Number.POSITIVE_INFINITY : 1_000),
    },
  );
}

describe("an answer that is remembered", () => {
  test("is asked for once by all who want it, and again once it is too old", async () => {
    const { get } = remembered();
    expect(await Promise.all([get("a"), get("a")])).toEqual([1, 1]);
    time = 999;
    expect(await get("a")).toBe(1);
    time = 1_000;
    expect(await Promise.all([get("a"), get("a")])).toEqual([2, 2]);
    time = 1_999;
    expect(await get("a")).toBe(2);
  });

  test("is that of its key, and counts as long as its key says", async () => {
    const { get } = remembered();
    expect(await Promise.all([get("a"), get("for good")])).toEqual([1, 2]);
    time = 1e12;
    expect(await Promise.all([get("a"), get("for good")])).toEqual([3, 2]);
  });

  test("can be had without asking, however old it is", async () => {
    const { get, peek } = remembered();
    expect(peek("a")).toBeUndefined();
    await get("a");
    time = 1e12;
    expect(await peek("a")).toBe(1);
    expect(asked).toEqual(["a"]);
  });

  test("is no failure: whoever waits for it gets that, and the next one asks again", async () => {
    const { get, peek } = remembered(async () => {
      if (asked.length === 1) throw new Error("busy");
      return asked.length;
    });
    const tries = await Promise.allSettled([get("a"), get("a")]);
    expect(tries.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(peek("a")).toBeUndefined();
    expect(await get("a")).toBe(2);
  });

  test("outlives the failure of an older one", async () => {
    const first = Promise.withResolvers<number>();
    const { get } = remembered(async () => (asked.length === 1 ? first.promise : asked.length));
    const old = get("a");
    time = 1_000;
    expect(await get("a")).toBe(2);
    first.reject(new Error("too late"));
    await expect(old).rejects.toThrow("too late");
    expect(await get("a")).toBe(2);
  });

  test("makes room for those of other keys", async () => {
    const { get, peek } = remembered();
    for (let key = 0; key <= 1_000; key++) await get(String(key));
    expect(peek("0")).toBeUndefined();
    expect(await peek("1")).toBe(2);
    expect(await peek("1000")).toBe(1_001);
  });
});
