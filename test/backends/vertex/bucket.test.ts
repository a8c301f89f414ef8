import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bucket, drain, FULL, take } from "../../../src/backends/vertex/bucket.ts";

const MINUTE = 60_000;

describe("a bucket of tokens", () => {
  it("gives as many as it has, and then says when the next comes back", () => {
    let bucket: Bucket = FULL;
    for (const now of [0, 10, 20]) bucket = take(bucket, 3, now).bucket;
    expect(take(bucket, 3, 30)).toMatchObject({ taken: false, waitMs: MINUTE - 30 });
    expect(take(bucket, 3, MINUTE)).toMatchObject({ taken: true });
  });

  it("never gives more than its size within any minute", () => {
    const steps = fc.array(fc.nat({ max: 20_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), steps, (size, pauses) => {
        let bucket: Bucket = FULL;
        let now = 0;
        const given: number[] = [];
        for (const pause of pauses) {
          now += pause;
          const result = take(bucket, size, now);
          bucket = result.bucket;
          if (result.taken) given.push(now);
        }
        for (const start of given) {
          const inMinute = given.filter((at) => at >= start && at < start + MINUTE);
          expect(inMinute.length).toBeLessThanOrEqual(size);
        }
      }),
    );
  });

  it("gives a token at the moment it has named", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat({ max: MINUTE }), (size, now) => {
        const empty = Array.from({ length: size }, () => 0).reduce(
          (bucket: Bucket) => take(bucket, size, now).bucket,
          FULL,
        );
        const refused = take(empty, size, now + 1);
        if (refused.taken) throw new Error("expected an empty bucket");
        expect(take(refused.bucket, size, now + 1 + refused.waitMs).taken).toBe(true);
      }),
    );
  });

  it("fills again one by one after the platform has refused", () => {
    const bucket = drain(60, 0);
    expect(take(bucket, 60, 999)).toMatchObject({ taken: false, waitMs: 1 });
    const after = take(bucket, 60, 1_000);
    expect(after.taken).toBe(true);
    expect(take(after.bucket, 60, 1_000).taken).toBe(false);
  });
});
