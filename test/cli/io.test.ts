import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { processIo } from "../../src/cli/io.ts";

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

  test("that fails otherwise is an error", () => {
    const { process, stdout } = fakeProcess();
    processIo(process, false);
    expect(() =>
      stdout.emit("error", Object.assign(new Error("full"), { code: "ENOSPC" })),
    ).toThrow("full");
  });
});
