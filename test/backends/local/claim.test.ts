import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Job } from "../../../src/run.ts";
import { launchRequest } from "../../contracts/request.ts";
import {
  elsewhere,
  ended,
  fileWith,
  gone,
  killGroup,
  shell,
  signal,
  start,
  traceFile,
  until,
} from "./machine.ts";
import { useTestMachine } from "./use-machine.ts";

const machine = useTestMachine();

describe("a claim", () => {
  it("goes to one of many guards of many dispatchers", async () => {
    const counter = join(machine.folder, "count");
    const command = shell(`echo x >>'${counter}'`);
    const errand = { launch: "run-1", command };
    const jobs = await Promise.all([1, 2, 3].map(() => elsewhere(machine.folder, errand)));
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
