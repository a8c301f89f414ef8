import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { fields, table } from "../../src/cli/table.ts";
import { duration, fromNow, printable } from "../../src/cli/text.ts";

const NOW = new Date("2026-11-21T12:00:00.000Z");

test.each([
  ["2026-11-21T12:00:00.400Z", "now"],
  ["2026-11-21T11:59:59.000Z", "1 s ago"],
  ["2026-11-21T11:00:01.000Z", "59 min ago"],
  ["2026-11-21T13:30:00.000Z", "in 1 h"],
  ["2026-11-11T12:00:00.000Z", "10 d ago"],
])("%s is %s", (moment, text) => {
  expect(fromNow(moment, NOW)).toBe(text);
});

test.each([
  [0, "0 s"],
  [999, "0 s"],
  [60_000, "1 min"],
  [86_400_000, "1 d"],
])("%i milliseconds are %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("control characters are made visible", () => {
  expect(printable("a\u001B[2Jb\r\nc\td")).toBe("a\uFFFD[2Jb\uFFFD\uFFFDc d");
});

describe("a table", () => {
  test("is aligned by what is seen, not by what is written", () => {
    const painted = { text: "ok", painted: "\u001B[32mok\u001B[39m" };
    const lines = table(
      ["A", "B"],
      [
        [painted, "1"],
        ["longer", "2"],
        ["né👩‍👩‍👧", "3"],
      ],
    ).split("\n");
    expect(lines.map((line) => stripVTControlCharacters(line))).toEqual([
      "A       B",
      "ok      1",
      "longer  2",
      "né👩‍👩‍👧     3",
      "",
    ]);
  });

  test("leaves no blanks at the end of a line", () => {
    expect(table(["A", "B"], [["1", ""]])).toBe("A  B\n1\n");
  });
});

test("fields without a value are left out", () => {
  expect(
    fields([
      ["a", "1"],
      ["bcd", undefined],
      ["ef", ""],
      ["gh", "2"],
    ]),
  ).toBe("a   1\ngh  2\n");
});
