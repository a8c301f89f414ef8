import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { allVectors, CLAIMS, claimedBy, exclusionsOf } from "./coverage.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const files = globSync("test/vectors/*.json", { cwd: root.pathname }).map((path) =>
  basename(path, ".json"),
);
const page = read("docs/compatibility.md").replace(/\s+/g, " ");
const says = (text: string) => page.includes(text);

describe("the recorded vectors", () => {
  it("are all in files somebody answers for", () => {
    expect(files.sort()).toEqual(Object.keys(CLAIMS).sort());
  });

  it.each(files)("of %s are each compared by one test file, or excluded by name", (file) => {
    const excluded = exclusionsOf(file).flatMap(({ vectors }) => vectors);
    const claimed = (CLAIMS[file] ?? []).flatMap(({ test }) => claimedBy(test, file));
    const names = allVectors(file).map(({ name }) => name);
    expect([...claimed, ...excluded].sort()).toEqual([...names].sort());
  });

  // That a test file compares each of its vectors, `comparison` checks in that file.
  it.each(files.flatMap((file) => (CLAIMS[file] ?? []).map(({ test }) => [test, file] as const)))(
    "are read by %s from %s",
    (test, file) => {
      expect(read(test)).toContain(`"${file}"`);
    },
  );

  it("are counted on the page about compatibility", () => {
    const all = files.flatMap((file) => allVectors(file)).length;
    const excluded = files.flatMap((file) => exclusionsOf(file).flatMap(({ vectors }) => vectors));
    expect(says(`${all} cases recorded`)).toBe(true);
    expect(says(`${all - excluded.length} of them are compared`)).toBe(true);
  });

  it.each(
    files.flatMap((file) =>
      exclusionsOf(file).map((exclusion) => [exclusion.id, exclusion] as const),
    ),
  )("that are excluded by %s are on that page, with the reason", (_, { reason, vectors }) => {
    expect([reason, ...vectors.map((name) => `\`${name}\``)].filter((text) => !says(text))).toEqual(
      [],
    );
  });
});
