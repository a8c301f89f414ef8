import { spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { processIo } from "../../src/cli/io.ts";
import { makeFolder, SLUICE } from "./sluice.ts";

/** A process as far as commands see it. */
function fakeProcess(env: Readonly<Record<string, string>> = {}) {
  const events = new EventEmitter();
  const exits: number[] = [];
  const stdout = Object.assign(new PassThrough({ highWaterMark: 10 }), { columns: 80 });
  const fake = {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    env,
    seconds: 100,
    uptime: () => fake.seconds,
    on: events.on.bind(events),
    exit: (code: number) => void exits.push(code),
  };
  const process = fake as unknown as Parameters<typeof processIo>[0];
  return { fake, process, events, exits, stdout };
}

describe("colours", () => {
  test.each([
    [true, {}, "\u001B[31mx\u001B[39m"],
    [true, { NO_COLOR: "" }, "\u001B[31mx\u001B[39m"],
    [true, { NO_COLOR: "1" }, "x"],
    [true, { TERM: "dumb" }, "x"],
    [false, { FORCE_COLOR: "1" }, "x"],
  ])("on a terminal (%s) with %j", (isTerminal, env, painted) => {
    expect(processIo(fakeProcess(env).process, isTerminal).paint("red", "x")).toBe(painted);
  });
});

test("the width is that of the terminal, now", () => {
  const { process, stdout } = fakeProcess();
  const io = processIo(process, true);
  expect(io.columns).toBe(80);
  stdout.columns = 120;
  expect(io.columns).toBe(120);
  stdout.columns = 0;
  expect(io.columns).toBe(80);
  expect(processIo(process, false).columns).toBe(200);
});

describe("signals", () => {
  test("abort with the exit code they stand for", () => {
    for (const [name, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
      const { process, events, exits } = fakeProcess();
      const signal = processIo(process, true).catchSignals();
      events.emit(name);
      expect({ aborted: signal.aborted, reason: signal.reason, exits }).toEqual({
        aborted: true,
        reason: code,
        exits: [],
      });
    }
  });

  test("one press that comes twice is one; another press ends the process", () => {
    const { fake, process, events, exits } = fakeProcess();
    processIo(process, true).catchSignals();
    events.emit("SIGINT");
    events.emit("SIGINT");
    expect(exits).toEqual([]);
    fake.seconds += 1;
    events.emit("SIGINT");
    expect(exits).toEqual([130]);
  });
});

describe("output", () => {
  test("waits until there is room, as often as need be, and leaves nothing behind", async () => {
    const { process, stdout } = fakeProcess();
    const io = processIo(process, false);
    const before = stdout.listenerCount("close");
    for (let n = 0; n < 50; n++) {
      let done = false;
      const written = io.write("x".repeat(20)).then(() => {
        done = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(done).toBe(false);
      stdout.read();
      await written;
    }
    expect(stdout.listenerCount("close")).toBe(before);
    expect(stdout.listenerCount("drain")).toBe(0);
  });

  test("whose reader is gone ends the process well, unless it is to keep going", () => {
    const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    const first = fakeProcess();
    processIo(first.process, false);
    first.stdout.emit("error", gone);
    expect(first.exits).toEqual([0]);
    const second = fakeProcess();
    processIo(second.process, false).keepGoing();
    second.stdout.emit("error", gone);
    second.fake.stderr.emit("error", gone);
    expect(second.exits).toEqual([]);
  });

  test("that cannot be written ends the process with one line and 1, unless it is to keep going", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
    });
    const first = fakeProcess();
    processIo(first.process, false);
    first.stdout.emit("error", full);
    expect(first.exits).toEqual([1]);
    expect(first.fake.stderr.read()?.toString()).toBe(
      "sluice: standard output cannot be written: ENOSPC: no space left on device, write\n",
    );
    const second = fakeProcess();
    processIo(second.process, false).keepGoing();
    second.stdout.emit("error", full);
    second.fake.stderr.emit("error", full);
    expect(second.exits).toEqual([]);
  });
});

describe.runIf(existsSync("/dev/full"))("on a full disk", () => {
  /** A command with one of its streams on the full disk, and what it says on the other. */
  async function onFullDisk(args: readonly string[], stream: "stdout" | "stderr") {
    const folder = makeFolder({ "run.yml": "run_id: r\nflow: { name: a, command: 'true' }" });
    await folder.run(["run", "run.yml", "--at", "+1h"]);
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [SLUICE, ...args], {
      cwd: folder.path,
      stdio: [
        "ignore",
        ...(stream === "stdout" ? [full, "pipe" as const] : ["pipe" as const, full]),
      ],
    });
    closeSync(full);
    let said = "";
    (stream === "stdout" ? child.stderr : child.stdout)?.on("data", (text) => (said += text));
    const ended = new Promise<{ readonly code: number | null; readonly said: string }>((resolve) =>
      child.on("close", (code) => resolve({ code, said })),
    );
    return { folder, child, ended };
  }

  test("a command ends with one line", async () => {
    const { ended } = await onFullDisk(["runs"], "stdout");
    expect(await ended).toEqual({
      code: 1,
      said: expect.stringMatching(/^sluice: standard output cannot be written: ENOSPC[^\n]*\n$/),
    });
  });

  test("up works on without its log", async () => {
    const { folder, child, ended } = await onFullDisk(["up", "--port", "0"], "stderr");
    const isAtWork = async () => /min\.\n/.test((await folder.run(["explain", "r"])).stdout);
    while (child.exitCode === null && !(await isAtWork()));
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 0, said: "" });
  });
});
