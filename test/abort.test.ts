import { describe, expect, test } from "vitest";
import { abortable, inTime, unlessAborted, untilAborted } from "../src/abort.ts";

const hangs = new Promise<never>(() => undefined);

describe("work that is waited for", () => {
  test("comes to what it comes to", async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(signal, Promise.resolve(undefined))).toEqual({ value: undefined });
    await expect(unlessAborted(signal, Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  test("is not waited for when the time is over, or was over before", async () => {
    const over = new AbortController();
    const waiting = unlessAborted(over.signal, hangs);
    over.abort();
    expect(await waiting).toBeUndefined();
    expect(await unlessAborted(over.signal, hangs)).toBeUndefined();
  });

  test("harms nobody when it fails after that", async () => {
    const late = Promise.withResolvers<string>();
    expect(await unlessAborted(AbortSignal.abort(), late.promise)).toBeUndefined();
    late.reject(new Error("too late"));
    await expect(late.promise).rejects.toThrow("too late");
  });

  test("throws the reason when the signal is aborted, and is not begun after that", async () => {
    const over = new AbortController();
    const waiting = abortable(over.signal, () => hangs);
    over.abort(new Error("the process closes"));
    await expect(waiting).rejects.toThrow("the process closes");
    let begun = false;
    const late = abortable(over.signal, async () => {
      begun = true;
    });
    await expect(late).rejects.toThrow("the process closes");
    expect(begun).toBe(false);
    const { signal } = new AbortController();
    expect(await abortable(signal, async () => undefined)).toBeUndefined();
    await expect(abortable(signal, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  test("is late with the time that was waited", async () => {
    const { signal } = new AbortController();
    expect(await inTime(signal, 10_000, Promise.resolve(1))).toBe(1);
    await expect(inTime(AbortSignal.abort(), 10_000, hangs)).rejects.toThrow(
      "no answer within 10 seconds",
    );
  });
});

describe("a source that is read until a signal", () => {
  async function* numbers(stop: AbortController, last: number) {
    for (let number = 1; number <= 5; number++) {
      yield number;
      if (number === last) stop.abort();
    }
  }

  test("gives everything, or what comes before the signal", async () => {
    const never = new AbortController();
    expect(await Array.fromAsync(untilAborted(never.signal, numbers(never, 9)))).toEqual([
      1, 2, 3, 4, 5,
    ]);
    const stop = new AbortController();
    expect(await Array.fromAsync(untilAborted(stop.signal, numbers(stop, 2)))).toEqual([1, 2]);
  });

  test("is left where it hangs", async () => {
    const stop = new AbortController();
    async function* hanging() {
      yield 1;
      await hangs;
    }
    const read = Array.fromAsync(untilAborted(stop.signal, hanging()));
    await Promise.resolve();
    stop.abort();
    expect((await read).length).toBeLessThanOrEqual(1);
  });
});
