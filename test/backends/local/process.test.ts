import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { localBackend } from "../../../src/backends/local/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { Job } from "../../../src/run.ts";
import type { Observation } from "../../../src/state-after.ts";
import { launchRequest } from "../../contracts/request.ts";
import type { Errand } from "./dispatcher.ts";
import {
  ended,
  fileWith,
  gone,
  guards,
  killGroup,
  realWorld,
  shell,
  signal,
  start,
  type TestMachine,
  testMachine,
  traceFile,
  until,
} from "./machine.ts";

let machine: TestMachine;
beforeEach(() => {
  machine = testMachine();
});
afterEach(() => machine.close());

const run = promisify(execFile);

/** Lets another process do something, and waits until it has ended. */
async function elsewhere(errand: Errand): Promise<string> {
  const program = fileURLToPath(new URL("./dispatcher.ts", import.meta.url));
  const { stdout } = await run(process.execPath, [program, machine.folder, JSON.stringify(errand)]);
  return stdout;
}

describe("a local process", () => {
  it("outlives the dispatcher, and is found with its exit code by the next", async () => {
    const gate = join(machine.folder, "gate");
    const command = shell(`while [ ! -e '${gate}' ]; do sleep 0.02; done; exit 7`);
    const job = JSON.parse(await elsewhere({ launch: "run-1", command })) as Job;
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
    const command = shell("cat /proc/$$/environ | tr '\\0' '\\n'; ls -l /proc/$$/fd | wc -l");
    const backend = machine.open({ world: { env: { PATH: "/usr/bin:/bin", A_1: "a b  c" } } });
    const env = { N: 1, B: true, EMPTY: "", LINES: "x\ny", sluice_folder: "mine", IFS: "x" };
    const { job, key } = await start(backend, { command, env });
    await ended(backend, job);
    const lines = readFileSync(traceFile(machine.folder, "output", key), "utf8").split("\n");
    expect(lines).toContain("PATH=/usr/bin:/bin");
    expect(lines).toContain("A_1=a b  c");
    expect(lines).toEqual(expect.arrayContaining(["N=1", "B=true", "EMPTY=", "LINES=x", "y"]));
    expect(lines.filter((line) => line.startsWith("sluice_"))).toHaveLength(1);
    // Standard input, output and error, the line `total`, and what `ls` may hold of its own.
    expect(Number(lines.at(-2))).toBeLessThanOrEqual(5);
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
    for (let round = 0; round < 5; round++) {
      const ids = Array.from({ length: 20 }, (_, index) => `many-${round}-${index}`);
      const started = await Promise.all(ids.map((runId) => start(backend, { runId })));
      for (const { job } of started) await ended(backend, job);
    }
    while (seen.size < 100) await sleep(10);
    // The test runner itself opens and closes a few.
    while (opened() > before + 5) await sleep(10);
  });
});

describe("a claim", () => {
  it("goes to one of many guards of many dispatchers", async () => {
    const counter = join(machine.folder, "count");
    const command = shell(`echo x >>'${counter}'`);
    const errand = { launch: "run-1", command };
    const jobs = await Promise.all([1, 2, 3].map(() => elsewhere(errand)));
    expect(new Set(jobs).size).toBe(1);
    await ended(machine.open(), JSON.parse(jobs[0] ?? "") as Job);
    expect(readFileSync(counter, "utf8")).toBe("x\n");
  });

  it("is made once though the launch was broken off at any moment and repeated", async () => {
    const counter = join(machine.folder, "count");
    const backend = machine.open();
    for (let moment = 0; moment < 12; moment++) {
      const runId = `broken-${moment}`;
      const command = shell(`echo ${moment} >>'${counter}'`);
      const plan = await backend.plan(launchRequest({ runId, command }));
      const key = { runId, launch: 1, target: plan.target };
      const broken = new AbortController();
      const first = backend.launch(plan, key, broken.signal).catch((error: unknown) => error);
      await sleep(moment);
      broken.abort();
      await first;
      const { job } = await start(backend, { runId, command });
      await ended(backend, job);
    }
    const counted = readFileSync(counter, "utf8").trim().split("\n");
    expect(counted.sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 12 }, (_, moment) => String(moment)),
    );
  });

  it("without a living guard is lost", async () => {
    const backend = machine.open();
    const { job, key } = await start(backend, { command: ["sleep", "600"] });
    await fileWith(traceFile(machine.folder, "child", key), "\n");
    killGroup(Number(job.id));
    const lost = { end: "crashed", cause: { type: "lost" } };
    expect(await ended(backend, job)).toMatchObject(lost);
    expect(await machine.open().find(key)).toEqual([job]);
  });

  it("whose guard was killed counts as running while the process itself lives", async () => {
    const backend = machine.open();
    const { job, key } = await start(backend, { command: ["sleep", "600"] });
    const child = await fileWith(traceFile(machine.folder, "child", key), "\n");
    await until(backend, job, ({ type }) => type === "running");
    signal(Number(job.id), "SIGKILL");
    await gone(Number(job.id));
    expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
    signal(Number.parseInt(child, 10), "SIGKILL");
    expect(await ended(backend, job)).toMatchObject({ cause: { type: "lost" } });
  });

  it("is not taken for alive when its process id has been given to another", async () => {
    const backend = machine.open();
    const { job, key } = await start(backend, { command: ["sleep", "600"] });
    await fileWith(traceFile(machine.folder, "child", key), "\n");
    killGroup(Number(job.id));
    await ended(backend, job);
    const path = traceFile(machine.folder, "claim", key);
    const [, start0, boot] = readFileSync(path, "utf8").split("\n");
    const own = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ")[19];
    const statusOf = async (claim: string) => {
      writeFileSync(path, claim);
      return (await backend.inspect([job]))[0];
    };
    const lost = { type: "ended", cause: { type: "lost" } };
    expect(await statusOf(`${process.pid}\n${start0}\n${boot}\n`)).toMatchObject(lost);
    expect(await statusOf(`${process.pid}\n${own}\nanother-boot\n`)).toMatchObject(lost);
    expect(await statusOf(`${process.pid}\n${own}\n${boot}\n`)).toMatchObject({ type: "running" });
  });

  it("holds the number of the boot only while that lasts", async () => {
    const backend = machine.open();
    const { job, key } = await start(backend, { command: ["sleep", "600"] });
    const path = traceFile(machine.folder, "claim", key);
    expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
    const claim = readFileSync(path, "utf8");
    expect(claim).toMatch(/^\d+\n\d+\n[0-9a-f-]{36}\n$/);
  });
});

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
