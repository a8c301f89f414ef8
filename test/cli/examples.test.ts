import { globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { jsonLines, makeFolder } from "./sluice.ts";

/** What a platform itself is told is written in its own words. */
const FILES = globSync("examples/**/*.{yml,json}").filter(
  (file) => !/(rights|task)\.\w+$/.test(file),
);

describe("examples", () => {
  test("and the sluice.yml of this project are valid, without a warning", async () => {
    const files = ["sluice.yml", ...FILES].map((file) => `${process.cwd()}/${file}`);
    const { code, stdout } = await makeFolder().run(["validate", "--json", ...files]);
    const findings = jsonLines(stdout);
    const bad = findings.filter(({ ok, warnings }) => !ok || (warnings as []).length > 0);
    expect({ code, bad }).toEqual({ code: 0, bad: [] });
    expect(findings).toHaveLength(files.length);
  });

  test("that need nothing but this machine run", async () => {
    const folder = makeFolder();
    for (const file of ["hello.yml", "universal.yml", "universal/flow-runner.yml"]) {
      const { code } = await folder.run(["run", `${process.cwd()}/examples/${file}`, "--watch"]);
      expect({ file, code }).toEqual({ file, code: 0 });
    }
  });
});
