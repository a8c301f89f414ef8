import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-tour-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each(["SIGINT", "SIGTERM"] as const)(
  "the tour leaves no folder behind when it is stopped with %s",
  async (signal) => {
    const child = spawn(process.execPath, [resolve("scripts/quickstart.ts")], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^sluice-quickstart-/)]);
    child.kill(signal);
    expect(await ended).not.toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  },
);
