import { describe, expect, it } from "vitest";
import { templateCache } from "../../src/templates/cache.ts";

const template = (mark: string) => ({ mark, bytes: new Uint8Array() });

describe("the cache of templates", () => {
  it("keeps the newest template of a place", () => {
    const cache = templateCache(2);
    cache.put("a", template("1"));
    cache.put("a", template("2"));

    expect(cache.get("a")).toStrictEqual(template("2"));
    expect(cache.get("b")).toBeUndefined();
  });

  it("forgets the one that was not used for longest when it is full", () => {
    const cache = templateCache(2);
    cache.put("a", template("1"));
    cache.put("b", template("1"));
    cache.get("a");
    cache.put("c", template("1"));

    expect(["a", "b", "c"].map((place) => cache.get(place)?.mark)).toStrictEqual([
      "1",
      undefined,
      "1",
    ]);
  });

  it("keeps sixteen unless told otherwise", () => {
    const cache = templateCache();
    const places = Array.from({ length: 17 }, (_, index) => `place-${index}`);
    for (const place of places) cache.put(place, template("1"));

    expect(places.filter((place) => cache.get(place) === undefined)).toStrictEqual(["place-0"]);
  });
});
