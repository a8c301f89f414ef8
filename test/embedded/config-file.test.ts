import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentReader } from "../../src/backends/open.ts";
import { openConfigFile } from "../../src/embedded/config-file.ts";
import { jsonLogger } from "../../src/log.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the `sluice.yml` of the folder, and collects what is logged. */
async function opened(required = false) {
  const lines: { message: string; reason?: string }[] = [];
  const log = jsonLogger(
    (line) => lines.push(JSON.parse(line)),
    () => new Date(),
  );
  const { parse } = agentReader();
  const path = join(folder, "sluice.yml");
  const file = await openConfigFile(path, { required, log, parse });
  return { file, lines, path, names: () => file.agents.map(({ name }) => name) };
}

function write(text: string): void {
  writeFileSync(join(folder, "sluice.yml"), text);
}

describe("a sluice.yml", () => {
  test("keeps its agents while it is gone, says so once, and is noticed when it is back", async () => {
    write("agents: { box: { backend: local } }");
    const { file, lines, path, names } = await opened();
    renameSync(path, `${path}.away`);
    await file.refresh();
    await file.refresh();
    expect(names()).toEqual(["box"]);
    expect(lines).toMatchObject([
      { message: "configuration not read", reason: expect.stringContaining("gone") },
    ]);
    renameSync(`${path}.away`, path);
    await file.refresh();
    await file.refresh();
    expect(lines.map(({ message }) => message)).toEqual([
      "configuration not read",
      "configuration read again",
    ]);
    rmSync(path);
    await file.refresh();
    expect({ names: names(), said: lines.length }).toEqual({ names: ["box"], said: 3 });
  });

  test("that is not there yet leaves one local agent, and takes over when it comes", async () => {
    const { file, lines, names } = await opened();
    await file.refresh();
    expect({ names: names(), lines }).toEqual({ names: ["local"], lines: [] });
    write("agents: { box: { backend: local } }");
    await file.refresh();
    expect(names()).toEqual(["box"]);
  });

  test("that is required and not there is refused as a fault of who names it", async () => {
    await expect(opened(true)).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("name an existing sluice.yml"),
    });
  });

  test.each<[string, (path: string) => void]>([
    ["is a folder", (path) => mkdirSync(path)],
    ["is a link to itself", (path) => symlinkSync(path, path)],
  ])("that %s is refused by its name, and leaves the agents if it comes later", async (_, make) => {
    const path = join(folder, "sluice.yml");
    const unreadable = new RegExp(`^the file ${path} cannot be read: E[A-Z]+: `);
    make(path);
    await expect(opened()).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringMatching(unreadable),
    });
    rmSync(path, { recursive: true });
    write("agents: { box: { backend: local } }");
    const { file, lines, names } = await opened();
    rmSync(path);
    make(path);
    await file.refresh();
    await file.refresh();
    expect(names()).toEqual(["box"]);
    expect(lines).toMatchObject([
      { message: "configuration not read", reason: expect.stringMatching(unreadable) },
    ]);
  });

  test.each(["", "# nothing yet\n", "null\n"])(
    "that holds nothing is called empty: %j",
    async (text) => {
      write(text);
      await expect(opened()).rejects.toThrow(/sluice\.yml is empty: expected agents/);
    },
  );

  test("that is not YAML is refused with its place and a reason in words, without content", async () => {
    write("agents:\n  box: { token: hidden\n");
    await expect(opened()).rejects.toThrow(/is not YAML at line \d+, column \d+: [a-z ]+$/);
    await expect(opened()).rejects.not.toThrow("hidden");
  });
});
