import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameOrHash } from "../src/installation.ts";

const ALLOWED = /^[a-z0-9-]{1,63}$/;

describe("the name of an installation in a mark", () => {
  it("is itself where the platform takes it", () => {
    expect(nameOrHash("sluice-prod", ALLOWED)).toBe("sluice-prod");
    expect(nameOrHash("x".repeat(63), ALLOWED)).toBe("x".repeat(63));
  });

  it("is the start of its SHA-256 where it does not", () => {
    expect(nameOrHash("", ALLOWED)).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4");
    expect(nameOrHash("Team.Data", ALLOWED)).toBe(digest("Team.Data"));
    expect(nameOrHash("x".repeat(64), ALLOWED)).toBe(digest("x".repeat(64)));
  });

  it("is taken by the platform whatever it is, and is the same each time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const mark = nameOrHash(name, ALLOWED);
        expect(mark).toMatch(ALLOWED);
        expect(nameOrHash(name, ALLOWED)).toBe(mark);
        expect(nameOrHash(mark, ALLOWED)).toBe(mark);
      }),
    );
  });
});

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
