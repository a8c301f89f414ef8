import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bodyHash,
  createdAtOf,
  dueShard,
  dueShards,
  headKey,
  nameKey,
  recentAt,
  recentShard,
  recentShards,
  runIdOf,
} from "../../../src/stores/dynamodb/keys.ts";

const AT = "2026-11-21T12:34:56.789Z";

describe("shards", () => {
  it.each([
    [16, dueShards("cloud"), (id: string) => dueShard("cloud", id)],
    [16, recentShards("2026-11-21T12"), (id: string) => recentShard(AT, id)],
  ])("are %i, and runs lie evenly in them", (count, shards, shardOf) => {
    const runs = Array.from({ length: 16_000 }, (_, index) => shardOf(`run-${index}`));
    const sizes = Map.groupBy(runs, (shard) => shard);

    expect(shards).toHaveLength(count);
    expect([...sizes.keys()].sort()).toStrictEqual([...shards].sort());
    for (const [, { length }] of sizes) {
      expect(length).toBeGreaterThan((16_000 / count) * 0.8);
      expect(length).toBeLessThan((16_000 / count) * 1.2);
    }
  });

  it("of different places and hours are different", () => {
    expect(new Set([...dueShards("cloud"), ...dueShards("workshop")]).size).toBe(32);
    expect(new Set([...recentShards("2026-11-21T12"), ...recentShards("2026-11-21T13")]).size).toBe(
      32,
    );
  });
});

describe("the order of runs", () => {
  it("is that of their making, and holds it and the id", () => {
    expect(recentAt(AT, "b") > recentAt(AT, "a")).toBe(true);
    expect(recentAt("2026-11-21T12:34:56.790Z", "a") > recentAt(AT, "b")).toBe(true);
    expect(createdAtOf(recentAt(AT, "a#b"))).toBe(AT);
    expect(runIdOf(headKey("a#b"))).toBe("a#b");
  });
});

describe("a name in a key", () => {
  it("is itself as long as it is not too long", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (name) => {
        fc.pre(Buffer.byteLength(name) <= 960);
        expect(nameKey(name)).toBe(name);
      }),
    );
  });

  it("never makes a key too long, and tells names apart that begin alike", () => {
    const long = fc.tuple(fc.constantFrom("a", "é", "€", "🦦"), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(long, long, ([letter, a], [, b]) => {
        const names = [a, b].map((end) => letter.repeat(500) + end.toWellFormed());
        const keys = names.map(nameKey);
        for (const key of keys) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(970);
        expect(keys[0] === keys[1]).toBe(names[0] === names[1]);
      }),
    );
  });
});

describe("the hash of a body", () => {
  it("is short, and the same for the same text only", () => {
    expect(bodyHash("{}")).toBe(bodyHash("{}"));
    expect(bodyHash("{}")).not.toBe(bodyHash("[]"));
    expect(bodyHash("{}")).toMatch(/^[\w-]{16}$/);
  });
});
