import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  elsewhere,
  ended,
  fileWith,
  gone,
  shell,
  signal,
  start,
  traceFile,
  until,
} from "./machine.ts";
import { useTestMachine } from "./use-machine.ts";

const machine = useTestMachine();

const STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done";

/** Starts a command and waits until it has said that it is ready. */
async function ready(text: string, options = {}) {
  const backend = machine.open({ options });
  const { job, key } = await start(backend, { runId: randomUUID(), command: shell(text) });
  await fileWith(traceFile(machine.folder, "output", key), "ready");
  return { backend, job, key, group: -Number(job.id) };
}

describe("cancelling a local process", () => {
  it("ends its children as well", async () => {
    const { backend, job, group } = await ready("sleep 600 & sleep 601 & echo ready; wait");
    await backend.cancel(job);
    expect(await ended(backend, job)).toMatchObject({
      end: "cancelled",
      cause: { type: "killed", signal: "SIGTERM" },
    });
    await gone(group);
  });

  it("lets it clean up, and counts as cancelled whatever its exit code", async () => {
    const { backend, job } = await ready("trap 'exit 5' TERM; echo ready; sleep 600 & wait");
    await backend.cancel(job);
    expect(await ended(backend, job)).toMatchObject({ end: "cancelled", cause: { exitCode: 5 } });
  });

  it("leaves a process that ends well a success", async () => {
    const { backend, job } = await ready("trap 'exit 0' TERM; echo ready; sleep 600 & wait");
    await backend.cancel(job);
    expect(await ended(backend, job)).toMatchObject({ end: "succeeded" });
  });

  it("kills what does not end in time", async () => {
    const { backend, job, group } = await ready(STUBBORN, { stop_seconds: 1 });
    await backend.cancel(job);
    const { end, cause } = await ended(backend, job);
    expect({ end, type: cause.type, signal: cause.signal }).toEqual({
      end: "cancelled",
      type: "killed",
      signal: "SIGKILL",
    });
    await gone(group);
  });

  it("kills what does not end in time even if the dispatcher has ended", async () => {
    const { backend, job, group } = await ready(STUBBORN);
    await elsewhere(machine.folder, { cancel: job, stopSeconds: 1 });
    expect(await ended(backend, job)).toMatchObject({ end: "cancelled" });
    await gone(group);
  });

  it("kills children that outlive it", async () => {
    const text = `(${STUBBORN}) & trap 'exit 3' TERM; wait`;
    const { backend, job, group } = await ready(text, { stop_seconds: 1 });
    await backend.cancel(job);
    expect(await ended(backend, job)).toMatchObject({ end: "cancelled", cause: { exitCode: 3 } });
    await gone(group);
  });

  it("asks once, however often it is called", async () => {
    const text =
      "n=0; trap 'n=$((n+1)); echo asked $n' TERM; echo ready; while [ $n -lt 2 ]; do sleep 0.05; done";
    const { backend, job, key } = await ready(text);
    await Promise.all([backend.cancel(job), machine.open().cancel(job), backend.cancel(job)]);
    const output = await fileWith(traceFile(machine.folder, "output", key), "asked 1");
    await backend.cancel(job);
    expect(output).not.toContain("asked 2");
    expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
  });

  it("kills when it is called again after all should be over", async () => {
    const { job, key } = await ready(STUBBORN);
    writeFileSync(traceFile(machine.folder, "stop", key), "2026-01-01T00:00:00.000Z\n");
    const soon = () => new Date("2026-01-01T00:00:14.000Z");
    const late = () => new Date("2026-01-01T00:00:16.000Z");
    const backend = machine.open({ world: { now: soon } });
    await backend.cancel(job);
    expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
    await machine.open({ world: { now: late } }).cancel(job);
    expect(await ended(backend, job)).toMatchObject({ end: "cancelled" });
  });

  it("does not hit strangers that have its process id now", async () => {
    const stranger = await ready("echo ready; exec sleep 600");
    const { backend, job, key } = await ready("echo ready; exec sleep 600");
    signal(-Number(job.id), "SIGKILL");
    await ended(backend, job);
    const claim = await fileWith(traceFile(machine.folder, "claim", key));
    const [, ...rest] = claim.split("\n");
    writeFileSync(traceFile(machine.folder, "claim", key), [stranger.job.id, ...rest].join("\n"));
    await backend.cancel(job);
    expect(await backend.inspect([stranger.job])).toMatchObject([{ type: "running" }]);
    expect(signal(stranger.group, 0)).toBe(true);
  });

  it("works on a process whose guard was killed", async () => {
    const { backend, job, group } = await ready("echo ready; exec sleep 600");
    signal(Number(job.id), "SIGKILL");
    await gone(Number(job.id));
    await backend.cancel(job);
    await until(backend, job, ({ type }) => type === "ended");
    await gone(group);
  });
});

describe("a SIGTERM that is none of ours", () => {
  it("to the whole group leaves the exit code to the process", async () => {
    const { backend, job, group } = await ready("trap 'exit 9' TERM; echo ready; sleep 600 & wait");
    signal(group, "SIGTERM");
    expect(await ended(backend, job)).toMatchObject({ end: "failed", cause: { exitCode: 9 } });
  });

  it("to the guard alone changes nothing", async () => {
    const { backend, job, group } = await ready("trap 'exit 9' USR1; echo ready; sleep 600 & wait");
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) signal(Number(job.id), name);
    expect(await backend.inspect([job])).toMatchObject([{ type: "running" }]);
    expect(signal(group, 0)).toBe(true);
  });
});
