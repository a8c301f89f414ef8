import { expect, test } from "vitest";
import { messageOf, PermanentError } from "../src/errors.ts";

test("an error keeps its cause, and anything thrown has a text", () => {
  const cause = new Error("deep");
  expect(new PermanentError("image", "no", { cause }).cause).toBe(cause);
  expect(new PermanentError("image", "no")).not.toHaveProperty("cause");
  expect(messageOf("plain")).toBe("plain");
});
