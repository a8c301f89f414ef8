import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { completionScript } from "../../src/cli/completion/script.ts";
import { makeFolder } from "./sluice.ts";

test.each(["bash", "zsh", "fish"])("completion %s prints the script", async (shell) => {
  const { code, stdout } = await makeFolder().run(["completion", shell]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: completionScript(shell) });
});

describe("in bash", () => {
  /** What a line is completed to; its last word is the one being typed. */
  function complete(cwd: string, ...words: string[]): string[] {
    const script = `compopt() { :; }
${completionScript("bash")}
COMP_WORDS=(sluice "$@"); COMP_CWORD=$#; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync("bash", ["-c", script, "bash", ...words], {
      cwd,
      encoding: "utf8",
    });
    return output.split("\n").filter((line) => line !== "");
  }

  test.each([
    [["ru"], ["run", "runs"]],
    [
      ["token", ""],
      ["create", "list", "remove"],
    ],
    [["token", "create", "--s"], ["--scope"]],
    [
      ["token", "create", "x", "--scope", "r"],
      ["read", "run"],
    ],
    [
      ["--json", "runs", "--state", "su"],
      ["submitted", "succeeded"],
    ],
    [["runs", "--fl"], ["--flow"]],
    [
      ["show", "--"],
      ["--config", "--data", "--json", "--help"],
    ],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["run", "--param", ""], []],
    [["register", "fl"], ["flow.yml"]],
    [["--config", "flo"], ["flow.yml"]],
    [["runs", "--data", "d"], ["data"]],
  ])("%j goes on with %j", (words, expected) => {
    const folder = makeFolder({ "flow.yml": "", "data/x": "", dare: "" });
    expect(complete(folder.path, ...words)).toEqual(expected);
  });

  test("the script parses", () => {
    expect(
      spawnSync("bash", ["-n"], { input: completionScript("bash"), encoding: "utf8" }),
    ).toMatchObject({ status: 0, stderr: "" });
  });
});

describe.each(["zsh", "fish"])("in %s", (shell) => {
  let there = false;
  beforeAll(() => {
    there = spawnSync(shell, ["-c", "true"]).status === 0;
  });

  test("the script parses", ({ skip }) => {
    // CI installs both shells, so there a missing one is a failure.
    if (!there && process.env["CI"] === undefined)
      skip(`${shell} is not installed on this machine`);
    const folder = makeFolder();
    const file = join(folder.path, "script");
    writeFileSync(file, completionScript(shell));
    expect(spawnSync(shell, ["-n", file], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  test("every quote of the script is closed", () => {
    const outside = completionScript(shell)
      .replaceAll(/\\'/g, "")
      .replaceAll(/'[^'\n]*'/g, "");
    expect(outside).not.toContain("'");
  });
});
