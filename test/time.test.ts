import { expect, test } from "vitest";
import { between, later, plus, timestamp } from "../src/time.ts";

test("moments compare as text and can be moved", () => {
  const noon = timestamp(new Date("2026-11-21T12:00:00Z"));
  expect(plus(noon, -1)).toBe("2026-11-21T11:59:59.999Z");
  expect(later(noon, plus(noon, 1))).toBe(plus(noon, 1));
  expect(later(plus(noon, 1), noon)).toBe(plus(noon, 1));
  expect(between(noon, plus(noon, 5))).toBe(5);
});
