import fc from "fast-check";
import { expect, test } from "vitest";
import { nameFor } from "../src/run-name.ts";

test("a run without a name gets the same easy one each time", () => {
  expect(nameFor("6c9e5ac0")).toBe(nameFor("6c9e5ac0"));
  fc.assert(
    fc.property(fc.string(), (id) => {
      expect(nameFor(id)).toMatch(/^[a-z]+-[a-z]+$/);
    }),
  );
  const names = new Set(Array.from({ length: 1_000 }, (_, index) => nameFor(`id-${index}`)));
  expect(names.size).toBeGreaterThan(500);
});
