import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bucket, FULL, halve, isFull, type Rate, shareOf, take } from "../src/rate.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const minutely = (launches: number): Rate => ({ launches, per: "minute" });

/** Asks at each pause; tells when launches were made. */
function launches(rate: Rate, pauses: readonly number[], bucket = FULL, patienceMs = 0): number[] {
  let now = 0;
  let current: Bucket = bucket;
  return pauses.flatMap((pause) => {
    now += pause;
    const result = take(current, rate, { now, patienceMs });
    current = result.bucket;
    return result.taken ? [now + result.waitMs] : [];
  });
}

const most = (given: readonly number[], periodMs: number) =>
  Math.max(
    0,
    ...given.map((start) => given.filter((at) => at >= start && at < start + periodMs).length),
  );

describe("a bucket of tokens", () => {
  it("gives as many as it has, and then says when the next comes back", () => {
    let bucket: Bucket = FULL;
    for (const now of [0, 10, 20]) bucket = take(bucket, minutely(3), { now }).bucket;
    expect(take(bucket, minutely(3), { now: 30 })).toMatchObject({
      taken: false,
      waitMs: MINUTE - 30,
    });
    expect(take(bucket, minutely(3), { now: MINUTE })).toMatchObject({ taken: true, waitMs: 0 });
  });

  it("keeps no token away for longer than a period when the clock is set back", () => {
    const hour = 60 * MINUTE;
    const { bucket } = take(FULL, minutely(1), { now: hour });
    expect(take(bucket, minutely(1), { now: 0 })).toMatchObject({ taken: false, waitMs: MINUTE });
  });

  it("never gives more than its rate within any period, with or without patience", () => {
    const pauses = fc.array(fc.nat({ max: 20_000 }), { maxLength: 200 });
    const rates = fc.integer({ min: 1, max: 10 });
    fc.assert(
      fc.property(rates, pauses, fc.nat({ max: MINUTE }), (rate, steps, patienceMs) => {
        const given = launches(minutely(rate), steps, FULL, patienceMs);
        expect(most(given, MINUTE)).toBeLessThanOrEqual(rate);
      }),
    );
  });

  it("gives a token at the moment it has named, to the one who waits for it alone", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat({ max: MINUTE }), (size, now) => {
        const rate = minutely(size);
        const empty = Array.from({ length: size }).reduce(
          (bucket: Bucket) => take(bucket, rate, { now }).bucket,
          FULL,
        );
        const refused = take(empty, rate, { now: now + 1 });
        expect(refused.taken).toBe(false);
        const at = now + 1 + refused.waitMs;
        expect(take(refused.bucket, rate, { now: at }).taken).toBe(true);
        const first = take(empty, rate, { now: now + 1, patienceMs: MINUTE });
        expect(first).toMatchObject({ taken: true, waitMs: refused.waitMs });
        // All tokens came back at once, so there is another one unless there was only one.
        const others = launches(rate, [at, ...Array.from({ length: size }, () => 0)], first.bucket);
        expect(others).toHaveLength(size - 1);
      }),
    );
  });

  it("is shared by processes so that all together keep to the rate and have nearly all of it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 50 }),
        (rate, processes) => {
          const share = shareOf(minutely(rate), processes);
          const hour = Array.from({ length: 6_000 }, () => 600);
          const given = launches(share, hour).length * processes;
          // The first tokens are there from the start: one for each process at least.
          expect(given).toBeLessThanOrEqual(rate * 60 + Math.max(rate, processes));
          // Asking now and then, they come a little late.
          expect(given).toBeGreaterThanOrEqual(rate * 60 * 0.95);
        },
      ),
    );
  });

  it("gives tokens rarely, and never none, where a share is below one a minute", () => {
    const share = shareOf(minutely(1), 20);
    const first = take(FULL, share, { now: 0 });
    expect(first).toMatchObject({ taken: true, waitMs: 0 });
    const refused = take(first.bucket, share, { now: MINUTE });
    expect(refused).toMatchObject({ taken: false, waitMs: 19 * MINUTE });
    expect(take(refused.bucket, share, { now: 20 * MINUTE }).taken).toBe(true);
  });

  it("counts per second as well", () => {
    const rate: Rate = { launches: 20, per: "second" };
    const given = launches(
      rate,
      Array.from({ length: 1_000 }, () => 10),
    );
    expect(given).toHaveLength(200);
  });
});

describe("a rate the platform finds too high", () => {
  const rate = minutely(60);

  it("is halved, and its tokens come back one by one", () => {
    const bucket = halve(FULL, rate, { now: 0, sent: 0 });
    expect(take(bucket, rate, { now: 1_999 })).toMatchObject({ taken: false });
    const after = take(bucket, rate, { now: 2_000 });
    expect(after.taken).toBe(true);
    expect(take(after.bucket, rate, { now: 2_000 }).taken).toBe(false);
  });

  it("doubles again with each minute until it is whole", () => {
    let bucket = halve(FULL, rate, { now: 0, sent: 0 });
    bucket = halve(bucket, rate, { now: 1, sent: 1 });
    expect(isFull(bucket, MINUTE)).toBe(false);
    expect(isFull(bucket, 2 * MINUTE + 1)).toBe(true);
    const later = Array.from({ length: 100 }, () => 0);
    expect(launches(rate, [2 * MINUTE + 1, ...later], bucket)).toHaveLength(60);
  });

  it("is halved once by all the calls that were under way", () => {
    const bucket = halve(FULL, rate, { now: 5, sent: 3 });
    expect(halve(bucket, rate, { now: 6, sent: 4 })).toBe(bucket);
    expect(halve(bucket, rate, { now: 6, sent: 6 })).not.toBe(bucket);
  });

  it("never falls to nothing", () => {
    let bucket: Bucket = FULL;
    for (let now = 0; now < 1_000; now += 1) bucket = halve(bucket, rate, { now, sent: now });
    expect(take(bucket, rate, { now: 999 + 64 * SECOND }).taken).toBe(true);
    expect(isFull(bucket, 999 + 6 * MINUTE)).toBe(true);
  });

  it("is not made smaller by a clock that is set back", () => {
    const later = 60 * MINUTE;
    const bucket = halve(FULL, rate, { now: later, sent: later });
    const before = { ...bucket, away: [] };
    expect(take(before, rate, { now: 0 }).bucket.away).toEqual([MINUTE]);
  });

  it("keeps the order of its tokens whatever happens", () => {
    const steps = fc.array(fc.record({ pause: fc.nat({ max: 90_000 }), halve: fc.boolean() }));
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 10 }), (all, launchesAMinute) => {
        let bucket: Bucket = FULL;
        let now = 0;
        for (const step of all) {
          now += step.pause;
          if (step.halve) bucket = halve(bucket, minutely(launchesAMinute), { now, sent: now });
          const taken = take(bucket, minutely(launchesAMinute), { now, patienceMs: 10_000 });
          bucket = taken.bucket;
          expect(bucket.away).toEqual([...bucket.away].sort((a, b) => a - b));
          expect(taken.waitMs).toBeGreaterThanOrEqual(0);
          expect(taken.taken).toBe(taken.waitMs <= 10_000);
        }
      }),
    );
  });
});
