import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { isAlive, isStatOf, parseIdentity } from "../../../src/backends/local/identity.ts";

const FIELDS = "1 2 2 0 -1 4194304 110 222 0 0 0 0 0 0 20 0 1 0 202988 2654208 382";

describe("a line of /proc/<pid>/stat", () => {
  it.each([
    ["sh", "S", "202988", true],
    ["sh", "R", "202988", true],
    ["sh", "D", "202988", true],
    ["a) Z (b", "S", "202988", true],
    [") S 1 2 (", "S", "202988", true],
    ["sh", "S", "202989", false],
    ["sh", "S", "2654208", false],
    ["sh", "Z", "202988", false],
    ["sh", "X", "202988", false],
  ])("of (%s) %s started at %s says alive: %s", (name, state, start, expected) => {
    expect(isStatOf(`15570 (${name}) ${state} ${FIELDS}\n`, start)).toBe(expected);
  });
});

describe("the identity of a process", () => {
  it("is read only if it is all there", () => {
    const text = "17\n4711\nboot\n";
    expect(parseIdentity(text)).toEqual({ pid: 17, start: "4711", boot: "boot" });
    expect(parseIdentity("17\n4711\n\n")).toEqual({ pid: 17, start: "4711", boot: "" });
    for (let length = 0; length < text.length; length++) {
      expect(parseIdentity(text.slice(0, length))).toBeUndefined();
    }
    expect(parseIdentity(undefined)).toBeUndefined();
    expect(parseIdentity("17\n\nboot\n")).toBeUndefined();
  });

  it("is told by a date where there is no kernel's clock to read", async () => {
    const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" };
    const date = execFileSync("ps", ["-o", "lstart=", "-p", String(process.pid)], { env });
    const identity = parseIdentity(`${process.pid}\n${String(date).trim()}\n\n`);
    if (identity === undefined) throw new Error(String(date));
    expect(await isAlive(identity)).toBe(true);
    expect(await isAlive({ ...identity, start: "Mon Jan 1 00:00:00 2001" })).toBe(false);
    expect(await isAlive({ ...identity, pid: 4_194_303 })).toBe(false);
  });
});
