import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Job } from "../../../src/run.ts";
import type { Observation } from "../../../src/state-after.ts";
import { elsewhere, ended, shell, start, traceFile } from "./machine.ts";
import { useTestMachine } from "./use-machine.ts";

const machine = useTestMachine();

describe("a local process", () => {
  it("outlives the dispatcher, and is found with its exit code by the next", async () => {
    const gate = join(machine.folder, "gate");
    const command = shell(`while [ ! -e '${gate}' ]; do sleep 0.02; done; exit 7`);
    const job = JSON.parse(await elsewhere(machine.folder, { launch: "run-1", command })) as Job;
    const backend = machine.open();
    expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
    expect(await backend.find({ runId: "run-1", launch: 1, target: "" })).toEqual([job]);
    writeFileSync(gate, "");
    expect(await ended(backend, job)).toMatchObject({ end: "failed", cause: { exitCode: 7 } });
  });

  it.each([
    ["exit 0", "succeeded", { type: "exit", exitCode: 0 }],
    ["exit 1", "failed", { type: "exit", exitCode: 1 }],
    ["exit 126", "failed", { type: "exit", exitCode: 126 }],
    ["echo sluice is not found; exit 127", "failed", { type: "exit", exitCode: 127 }],
    ["exit 255", "failed", { type: "exit", exitCode: 255 }],
    ["kill -KILL $$", "failed", { type: "killed", signal: "SIGKILL" }],
    ["kill -TERM $$", "failed", { type: "killed", signal: "SIGTERM" }],
    ["kill -INT $$", "failed", { type: "exit", signal: "SIGINT" }],
    ["kill -SEGV $$", "failed", { type: "exit", signal: "SIGSEGV" }],
  ])("that does %j has %s", async (text, end, cause) => {
    const backend = machine.open();
    const { job } = await start(backend, { command: shell(text) });
    expect(await ended(backend, job)).toMatchObject({ end, cause });
  });

  it("has exactly the variables of its plan, and no open doors to its guard", async () => {
    const command = shell("cat /proc/$$/environ | tr '\\0' '\\n'; echo doors; ls /proc/$$/fd");
    const backend = machine.open({ world: { env: { PATH: "/usr/bin:/bin", A_1: "a b  c" } } });
    const env = { N: 1, B: true, EMPTY: "", LINES: "x\ny", sluice_folder: "mine", IFS: "x" };
    const { job, key } = await start(backend, { command, env });
    await ended(backend, job);
    const lines = readFileSync(traceFile(machine.folder, "output", key), "utf8").split("\n");
    expect(lines).toContain("PATH=/usr/bin:/bin");
    expect(lines).toContain("A_1=a b  c");
    expect(lines).toEqual(expect.arrayContaining(["N=1", "B=true", "EMPTY=", "LINES=x", "y"]));
    expect(lines.filter((line) => line.startsWith("sluice_"))).toHaveLength(1);
    // High ones come from whoever has started the tests.
    const doors = lines.slice(lines.indexOf("doors") + 1, -1).filter((door) => Number(door) < 10);
    expect(doors).toEqual(["0", "1", "2"]);
  });

  it("starts with the usual signals, an empty input and the agent's file mode", async () => {
    const command = shell("grep SigIgn /proc/$$/status; umask; wc -c; exit 0");
    const backend = machine.open();
    const { job, key } = await start(backend, { command });
    await ended(backend, job);
    const [ignored, mask, input] = readFileSync(
      traceFile(machine.folder, "output", key),
      "utf8",
    ).split("\n");
    expect(ignored).toMatch(/\t0+$/);
    expect(Number.parseInt(mask ?? "", 8)).toBe(process.umask());
    expect(Number(input)).toBe(0);
  });

  it("passes its arguments on as they are", async () => {
    const words = ["", "a b", "$HOME", "*", "'\"\\", "-n", "ünï\n"];
    const backend = machine.open();
    const command = [
      process.execPath,
      "-p",
      "JSON.stringify(process.argv.slice(1))",
      "--",
      ...words,
    ];
    const { job, key } = await start(backend, { command });
    await ended(backend, job);
    const output = readFileSync(traceFile(machine.folder, "output", key), "utf8");
    expect(JSON.parse(output)).toEqual(words);
  });

  it("leaves no secret on the disk, and nothing for other users", async () => {
    const backend = machine.open({
      world: { env: { PATH: "/usr/bin:/bin", INHERITED: "hush-1" } },
    });
    const agent = { env: { TOKEN: "hush-2" } };
    const { job, key } = await start(backend, { agent, env: { OPEN: "seen" } });
    await ended(backend, job);
    const folder = traceFile(machine.folder, "", key);
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
    expect(texts.join()).not.toContain("hush");
    expect(texts.join()).toContain('"OPEN":"seen"');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("is reported at once when it ends, by the process that started it", async () => {
    const { promise, resolve } = Promise.withResolvers<[string, Observation]>();
    const observe = (runId: string, observation: Observation) => resolve([runId, observation]);
    const backend = machine.open({ world: { observe } });
    const { job } = await start(backend, { runId: "run-7", launch: 2, command: shell("exit 3") });
    const status = { type: "ended", end: "failed", cause: { exitCode: 3 } };
    expect(await promise).toMatchObject(["run-7", { launch: 2, job, status }]);
  });

  it("is one of a hundred without leaving anything open", async () => {
    const opened = () => readdirSync("/proc/self/fd").length;
    const seen = new Set<string>();
    const backend = machine.open({ world: { observe: (runId) => seen.add(runId) } });
    const before = opened();
    const codes = Array.from({ length: 100 }, (_, index) => index % 7);
    const jobs: Job[] = [];
    for (let from = 0; from < codes.length; from += 20) {
      const part = codes.slice(from, from + 20).map((code, index) => {
        const command = shell(`exit ${code}`);
        return start(backend, { runId: `many-${from + index}`, command });
      });
      jobs.push(...(await Promise.all(part)).map(({ job }) => job));
    }
    while (seen.size < codes.length) await sleep(10);
    const statuses = await backend.inspect(jobs);
    expect(
      statuses.map((status) => (status?.type === "ended" ? status.cause.exitCode : status)),
    ).toEqual(codes);
    // The test runner itself opens and closes a few.
    while (opened() > before + 5) await sleep(10);
  });
});
