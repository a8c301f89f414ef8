import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { CommandSpec } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/global-options.ts";

const PAGE = readFileSync("docs/cli.md", "utf8");

const flagsOf = (spec: CommandSpec): readonly string[] => [
  ...(spec.options ?? []).map(({ flags }) => /--[\w-]+/.exec(flags)?.[0] ?? flags),
  ...(spec.commands ?? []).flatMap(flagsOf),
];

describe("docs/cli.md", () => {
  test.each(COMMANDS.map((spec) => [spec.name, spec] as const))(
    "names %s and its options",
    (name, spec) => {
      expect(PAGE).toMatch(new RegExp(`\`(sluice )?${name}\\b`));
      expect(flagsOf(spec).filter((flag) => !PAGE.includes(flag))).toEqual([]);
    },
  );

  test("names the options all commands have", () => {
    for (const { flags } of GLOBAL_OPTIONS) expect(PAGE).toContain(flags);
  });
});
