import { symlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { CommandSpec } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { jsonLines, makeFolder } from "./sluice.ts";

function pathsOf(specs: readonly CommandSpec[], path: readonly string[] = []): string[][] {
  return specs.flatMap((spec) => {
    const own = [...path, spec.name];
    return [own, ...pathsOf(spec.commands ?? [], own)];
  });
}

describe("help", () => {
  test("names every command", async () => {
    const { code, stdout } = await makeFolder().run(["--help"]);
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  });

  test.each(pathsOf(COMMANDS))("of %s %s has an example", async (...words) => {
    const path = words.filter((word) => typeof word === "string");
    const { code, stdout, stderr } = await makeFolder().run([...path, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`$ sluice ${path.join(" ")}`);
    expect(stdout).toContain("--json");
  });

  test("is also there as a command", async () => {
    const folder = makeFolder();
    for (const words of [[], ["run"], ["token", "create"]]) {
      expect(await folder.run(["help", ...words])).toEqual(await folder.run([...words, "--help"]));
    }
  });

  test("is what a line without a command gets, as an error", async () => {
    const { code, stdout, stderr } = await makeFolder().run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Usage: sluice");
  });

  test("makes no data folder", async () => {
    const folder = makeFolder();
    await folder.run(["run", "--help"]);
    const { readdirSync } = await import("node:fs");
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

test("a data folder that is a file, or cannot be made, is refused in one clear line", async () => {
  const folder = makeFolder({ "a-file": "" });
  const file = await folder.run(["runs", "--data", "a-file"]);
  expect(file).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/a-file is a file: name a/),
  });
  const proc = await folder.run(["runs", "--data", "a-file/x"]);
  expect(proc).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/x cannot be made: [^\n]*\n$/),
  });
  symlinkSync("loop", `${folder.path}/loop`);
  expect(await folder.run(["runs", "--data", "loop"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^sluice: the data folder \S+loop cannot be reached: E[^\n]*\n$/),
  });
});

test.each<[string[], string]>([
  [["explain", "nope"], "no run and no flow called nope"],
  [["token", "create", "a\u0007b"], "expected a name of visible characters"],
  [["token", "create", " "], "expected a name of visible characters"],
])("a name that nothing has, or can have, is refused: %j", async (args, text) => {
  const { code, stdout, stderr } = await makeFolder().run(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(text);
  expect(stderr).not.toContain("\u0007");
});

describe("a line that cannot be read", () => {
  test.each([
    [["nonsense"], "unknown command 'nonsense'"],
    [["run"], "missing required argument"],
    [["run", "x", "--colour"], "unknown option '--colour'"],
    [["runs", "--state", "asleep"], "Allowed choices"],
    [["runs", "--limit", "0"], "--limit takes a whole number from 1 to 500"],
    [["runs", "--limit", "1e2"], "--limit takes a whole number from 1 to 500"],
    [["completion", "tcsh"], "Allowed choices are bash, zsh, fish"],
    [["run", "x", "--label", ""], "--label takes a label, got an empty text"],
    [["runs", "--data", "no/such/folder"], "make that first"],
    [["up", "--allow-host", "a:80"], "--allow-host takes the name"],
    [["up", "--port", "70000"], "--port takes a whole number"],
    [["run", "x", "--param", "novalue"], "--param takes NAME=VALUE"],
    [["run", "x", "--set", "=1"], "--set takes NAME=VALUE"],
  ])("%j ends with 2 and says what is wrong", async (args, text) => {
    const folder = makeFolder();
    const plain = await folder.run(args);
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: 2, stdout: "" });
    expect(plain.stderr).toContain(text);
    expect(plain.stderr.trim().split("\n")).toHaveLength(1);

    const json = await folder.run([...args, "--json"]);
    expect({ code: json.code, stdout: json.stdout }).toEqual({ code: 2, stdout: "" });
    expect(jsonLines(json.stderr)).toEqual([
      { code: "invalid", message: expect.stringContaining(text), issues: [] },
    ]);
  });
});

describe("settings", () => {
  test("a sluice.yml asked for by name must be there", async () => {
    const folder = makeFolder();
    for (const options of [
      { args: ["--config", "no.yml"] },
      { args: [], env: { SLUICE_CONFIG: "no.yml" } },
    ]) {
      const { code, stderr } = await folder.run(["agents", ...options.args], options);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("no.yml") });
    }
  });

  test("the data folder lies beside sluice.yml unless told otherwise", async () => {
    const folder = makeFolder({ "there/sluice.yml": "agents: { a: { backend: local } }" });
    const { existsSync } = await import("node:fs");
    await folder.run(["runs", "--config", "there/sluice.yml"]);
    expect(existsSync(`${folder.path}/there/.sluice/sluice.db`)).toBe(true);
    await folder.run(["runs"], { env: { SLUICE_CONFIG: "there/sluice.yml", SLUICE_DATA: "data" } });
    expect(existsSync(`${folder.path}/data/sluice.db`)).toBe(true);
    await folder.run(["--data", "other", "runs"], { env: { SLUICE_DATA: "data2" } });
    expect(existsSync(`${folder.path}/other/sluice.db`)).toBe(true);
    expect(existsSync(`${folder.path}/data2`)).toBe(false);
  });

  test("every fault of sluice.yml is named, with its path", async () => {
    const folder = makeFolder({
      "sluice.yml": "agents: { a: { backend: local, colour: red }, B: { backend: local }, c: {} }",
    });
    const { code, stderr } = await folder.run(["agents", "--json"]);
    expect(code).toBe(2);
    const [error] = jsonLines(stderr);
    expect(error?.["issues"]).toMatchObject([
      { path: "agents.a", message: expect.stringContaining("colour") },
      { path: "agents.B" },
      { path: "agents.c.backend" },
    ]);
  });

  test("a sluice.yml that is not YAML is told with its line, not with its content", async () => {
    const folder = makeFolder({ "sluice.yml": "agents:\n  a: { backend: local, key: hunter2\n" });
    const { code, stderr } = await folder.run(["agents"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/line \d+/);
    expect(stderr).not.toContain("hunter2");
  });
});
