import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { localBackend } from "../../../src/backends/local/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import { launchRequest } from "../../contracts/request.ts";
import { ended, guards, realWorld, start } from "./machine.ts";
import { useTestMachine } from "./use-machine.ts";

const machine = useTestMachine();

describe("a process that cannot start", () => {
  const launchOf = async (command: readonly string[], env: Record<string, string> = {}) => {
    const backend = machine.open();
    const plan = await backend.plan(launchRequest({ command, env }));
    const key = { runId: "run-1", launch: 1, target: plan.target };
    return backend.launch(plan, key, new AbortController().signal);
  };

  it.each([
    ["no-such-command-anywhere", "no executable file of this name is on its PATH"],
    ["./no-such-file", "there is no such executable file"],
    ["/etc/passwd", "there is no such executable file"],
    ["/etc", "there is no such executable file"],
    ["n".repeat(300), "no executable file of this name is on its PATH"],
    [`/${"n".repeat(300)}`, "there is no such executable file"],
  ])("because of its command %s is refused in words", async (command, words) => {
    const launched = launchOf([command]);
    await expect(launched).rejects.toThrow(words);
    await expect(launched).rejects.toMatchObject({ code: "start_failed" });
    await expect(launched).rejects.toBeInstanceOf(PermanentError);
    expect(guards(machine.folder)).toEqual([]);
  });

  it.each([
    ["#!/no/such/interpreter -x\n", '"/no/such/interpreter"'],
    ["#! ./no-such-file\t\n", '"./no-such-file"'],
    ["#!/bin/sh\r\n", '"/bin/sh\\r"'],
  ])("because of its interpreter is refused in words: %j", async (line, named) => {
    writeFileSync(join(machine.folder, "script"), line, { mode: 0o755 });
    const launched = launchOf(["./script"]);
    await expect(launched).rejects.toThrow(`its interpreter ${named} (first line) is missing`);
    await expect(launched).rejects.toMatchObject({ code: "start_failed" });
    expect(guards(machine.folder)).toEqual([]);
  });

  it("because of its interpreter's interpreter ends as such, in the shell's words", async () => {
    const inner = join(machine.folder, "inner");
    writeFileSync(inner, "#!/no/such/interpreter\n", { mode: 0o755 });
    const script = join(machine.folder, "script");
    writeFileSync(script, `#!${inner}\n`, { mode: 0o755 });
    const backend = machine.open();
    const { job } = await start(backend, { command: ["./script"] });
    const { end, cause } = await ended(backend, job);
    expect({ end, type: cause.type }).toEqual({ end: "crashed", type: "start_failed" });
    expect(cause.message).toMatch(/^the command cannot be started: .*script/);
  });

  it("because of too much text is refused, with the largest variables", async () => {
    const launched = launchOf(["true"], { HUGE: "x".repeat(200_000), SMALL: "y" });
    await expect(launched).rejects.toMatchObject({ code: "too_large" });
    await expect(launched).rejects.toThrow("HUGE 200004");
    expect(guards(machine.folder)).toEqual([]);
  });

  it("because its directory is missing is refused when it is planned", async () => {
    const config = { options: { working_dir: "/no/such/directory" } };
    const planned = machine.open().plan(launchRequest({ runId: "run-9", config }));
    await expect(planned).rejects.toMatchObject({ code: "start_failed" });
    await expect(planned).rejects.toThrow(/run-9.*\/no\/such\/directory/);
  });

  it.each([
    ["has a name that is too long", (folder: string) => join(folder, "n".repeat(300))],
    ["is a file", () => "/etc/passwd/below"],
    [
      "is a link to itself",
      (folder: string) => {
        const link = join(folder, "link");
        symlinkSync(link, link);
        return link;
      },
    ],
  ])("because its directory %s is refused when it is planned", async (_, make) => {
    const config = { options: { working_dir: make(machine.folder) } };
    const planned = machine.open().plan(launchRequest({ config }));
    await expect(planned).rejects.toMatchObject({ code: "start_failed" });
    await expect(planned).rejects.toThrow("there is no such directory on this machine");
  });

  it("because its directory has a zero byte is refused when it is planned", async () => {
    const config = { options: { working_dir: "/tmp/a\0b" } };
    const planned = machine.open().plan(launchRequest({ config }));
    await expect(planned).rejects.toMatchObject({ code: "invalid" });
    await expect(planned).rejects.toThrow("cwd: expected text without zero bytes");
  });

  it("because the data folder cannot be written waits until it can", async () => {
    const runs = join(machine.folder, "runs");
    writeFileSync(runs, "");
    const answer = await launchOf(["true"]);
    rmSync(runs);
    expect(answer).toEqual({
      type: "unavailable",
      message: expect.stringMatching(/^the data folder cannot be written: E[A-Z]+: .*runs/),
    });
    expect(await launchOf(["true"])).toMatchObject({ type: "launched" });
  });

  it("because there is no data folder is refused", async () => {
    const { dataFolder: _, ...world } = realWorld(machine.folder);
    const request = launchRequest();
    const backend = localBackend(request.agent, world);
    const plan = await backend.plan(request);
    const key = { runId: "run-1", launch: 1, target: plan.target };
    const launched = backend.launch(plan, key, new AbortController().signal);
    await expect(launched).rejects.toMatchObject({ code: "unsupported" });
  });

  it("has no run id that leads out of its folder", async () => {
    const backend = machine.open();
    const key = { launch: 1, target: "" };
    await expect(backend.find({ ...key, runId: "../x" })).rejects.toMatchObject({
      code: "invalid",
    });
    await expect(backend.find({ ...key, runId: ".." })).rejects.toMatchObject({ code: "invalid" });
  });
});
