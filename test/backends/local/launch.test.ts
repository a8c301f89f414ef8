import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { localBackend } from "../../../src/backends/local/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import { launchRequest } from "../../contracts/request.ts";
import { ended, guards, realWorld, start, type TestMachine, testMachine } from "./machine.ts";

let machine: TestMachine;
beforeEach(() => {
  machine = testMachine();
});
afterEach(() => machine.close());

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
  ])("because of its command %s is refused in words", async (command, words) => {
    const launched = launchOf([command]);
    await expect(launched).rejects.toThrow(words);
    await expect(launched).rejects.toMatchObject({ code: "start_failed" });
    await expect(launched).rejects.toBeInstanceOf(PermanentError);
    expect(guards(machine.folder)).toEqual([]);
  });

  it("because of its interpreter ends as such, in the shell's words", async () => {
    const script = join(machine.folder, "script");
    writeFileSync(script, "#!/no/such/interpreter\n", { mode: 0o755 });
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
