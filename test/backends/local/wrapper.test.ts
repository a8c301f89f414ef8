import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readTrace } from "../../../src/backends/local/folder.ts";
import { SHELL_NAME, WRAPPER } from "../../../src/backends/local/wrapper.ts";
import { fileWith, gone, killGroup } from "./machine.ts";

/** The shells of this machine; which of them is `sh` differs from system to system. */
const SHELLS = [
  ["/bin/sh"],
  ["/bin/bash"],
  ["/bin/bash", "--posix"],
  ["/bin/dash"],
  ["/bin/busybox", "sh"],
].filter(([path = ""]) => existsSync(path));

let folder: string;
const leaders: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-wrapper-"));
});
afterEach(() => {
  for (const pid of leaders.splice(0)) killGroup(pid);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

function guard([shell = "", ...options]: readonly string[], ...command: readonly string[]) {
  const nonce = String(leaders.length);
  const script = [...options, "-c", WRAPPER, SHELL_NAME, folder, nonce, ...command];
  const child = spawn(shell, script, { detached: true, cwd: tmpdir() });
  if (child.pid !== undefined) leaders.push(child.pid);
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const end = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  const answer = async () => {
    while (!said.includes("\n")) await sleep(5);
    return said.trim();
  };
  return { child, answer, end, go: () => child.stdin.end("go\n") };
}

describe.each(SHELLS.map((shell) => [shell.join(" "), shell] as const))(
  "in %s a guard",
  (_, shell) => {
    it("claims its folder, runs its command when told so, and writes how it ended", async () => {
      const { child, answer, end, go } = guard(
        shell,
        "/bin/sh",
        "-c",
        "echo out; echo err >&2; exit 4",
      );
      expect(await answer()).toBe("claimed");
      const trace = await readTrace(folder);
      expect(trace).toMatchObject({ guard: { pid: child.pid }, alive: true });
      expect(existsSync(join(folder, "output"))).toBe(false);
      go();
      await end;
      expect(await readTrace(folder)).toMatchObject({ alive: false, exitCode: 4 });
      expect(readFileSync(join(folder, "output"), "utf8")).toBe("out\nerr\n");
      expect(readdirSync(folder).sort()).toEqual(["child", "claim", "exit", "output"]);
    });

    it("finds a claim and ends without doing anything", async () => {
      const first = guard(shell, "sleep", "600");
      expect(await first.answer()).toBe("claimed");
      const claim = readFileSync(join(folder, "claim"), "utf8");
      const second = guard(shell, "/bin/sh", "-c", "echo second");
      expect(await second.answer()).toBe("taken");
      await second.end;
      expect(readFileSync(join(folder, "claim"), "utf8")).toBe(claim);
      expect(readdirSync(folder)).toEqual(["claim"]);
    });

    it("runs its command though whoever started it has gone", async () => {
      const { child, end } = guard(shell, "/bin/sh", "-c", "exit 6");
      child.stdout.destroy();
      child.stdin.destroy();
      await end;
      expect(await readTrace(folder)).toMatchObject({ exitCode: 6 });
    });

    it.each([
      ["kill -KILL $$", 137],
      ["kill -TERM $$", 143],
      ["kill -INT $$", 130],
      ["kill -TERM 0; sleep 600", 143],
    ])("outlives its command that does %j", async (text, exitCode) => {
      const { end, go } = guard(shell, "/bin/sh", "-c", text);
      go();
      await end;
      const trace = await readTrace(folder);
      expect(trace).toMatchObject({ exitCode });
      expect(trace).not.toHaveProperty("fault");
    });

    it.each([["no-such-command"], ["/etc/passwd"]])("says why %s cannot start", async (command) => {
      const { end, go } = guard(shell, command);
      go();
      await end;
      const { fault } = (await readTrace(folder)) ?? {};
      expect(fault).toMatch(new RegExp(`^${command}: `));
    });

    it("waits until the disk takes the exit code", async () => {
      mkdirSync(join(folder, "exit.new"));
      const { end, go } = guard(shell, "/bin/sh", "-c", "exit 8");
      go();
      const child = await fileWith(join(folder, "child"), "\n");
      await gone(Number.parseInt(child, 10));
      expect(await readTrace(folder)).toMatchObject({ alive: true });
      rmdirSync(join(folder, "exit.new"));
      await end;
      expect(await readTrace(folder)).toMatchObject({ exitCode: 8 });
    });

    it("ends when its folder is removed", async () => {
      const { end, go } = guard(shell, "/bin/sh", "-c", `rm -rf '${folder}'; exit 1`);
      go();
      await end;
      expect(await readTrace(folder)).toBeUndefined();
    });

    it("says what keeps it from claiming", async () => {
      rmSync(folder, { recursive: true });
      const { answer } = guard(shell, "true");
      expect(await answer()).toMatch(/claim\.\d/);
    });
  },
);
