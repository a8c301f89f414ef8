import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Backend, LogPage } from "../../../src/backend.ts";
import { pageOf } from "../../../src/backends/kubernetes/logs.ts";
import type { Job } from "../../../src/run.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest, type RequestParts } from "../../contracts/request.ts";
import { type FakeKubernetes, fakeKubernetes } from "../../fakes/kubernetes.ts";
import type { FakePod } from "../../fakes/kubernetes-objects.ts";
import { openOn, parts } from "./harness.ts";

const RUNNING = { over: false, cut: false };
const OVER = { over: true, cut: false };
const texts = ({ lines }: LogPage) => lines.map(({ text }) => text);

describe("a page of a log", () => {
  it("has the time of each line, in UTC with nine digits", () => {
    const text = "2026-11-21T12:00:00.5Z a\n2026-11-21T14:00:01+02:00 b\n";
    expect(pageOf(text, "", RUNNING).lines).toEqual([
      { time: "2026-11-21T12:00:00.500000000Z", text: "a" },
      { time: "2026-11-21T12:00:01.000000000Z", text: "b" },
    ]);
  });

  it("keeps empty lines and spaces", () => {
    const text = "2026-11-21T12:00:00Z \n2026-11-21T12:00:00Z  b \n2026-11-21T12:00:00Z\n";
    expect(texts(pageOf(text, "", RUNNING))).toEqual(["", " b ", ""]);
  });

  it("leaves a line without its end for the next page, unless the log is over", () => {
    const text = "2026-11-21T12:00:00.1Z a\n2026-11-21T12:00:00.2Z half";
    expect(texts(pageOf(text, "", RUNNING))).toEqual(["a"]);
    expect(texts(pageOf(text, "", { over: true, cut: true }))).toEqual(["a"]);
    expect(texts(pageOf(text, "", OVER))).toEqual(["a", "half"]);
  });

  it("is complete when the pod is over and nothing was cut off", () => {
    expect(pageOf("", "", OVER).complete).toBe(true);
    expect(pageOf("", "", RUNNING).complete).toBe(false);
    expect(pageOf("", "", { over: true, cut: true }).complete).toBe(false);
  });

  it("is text without a time where the cluster has no log any more, and says so", () => {
    const text = "unable to retrieve container logs for containerd://b91ca";
    const after = "2026-11-21T12:00:00.000000000Z/1";
    for (const cursor of ["", after]) {
      expect(pageOf(text, cursor, OVER)).toEqual({
        lines: [{ text }],
        next: cursor,
        complete: true,
      });
      // It may come back; and whoever follows a log would ask on and on for the same line.
      for (const ending of ["", "\n"]) {
        const page = pageOf(`${text}${ending}`, cursor, RUNNING);
        expect(page).toEqual({ lines: [], next: cursor, complete: false });
      }
    }
  });

  it("keeps a line without a time behind the one it follows", () => {
    const log = "2026-11-21T12:00:00Z a\n2026-13-21T12:00:00Z b\n2026-11-21T12:00:00Z c\nrpc d\n";
    const lines = [
      { time: "2026-11-21T12:00:00.000000000Z", text: "a" },
      { text: "2026-13-21T12:00:00Z b" },
      { time: "2026-11-21T12:00:00.000000000Z", text: "c" },
      { text: "rpc d" },
    ];
    const next = "2026-11-21T12:00:00.000000000Z/4";
    expect(pageOf(log, "", RUNNING)).toEqual({ lines, next, complete: false });
    const more = pageOf(`${log}2026-11-21T12:00:00Z e\n`, next, RUNNING);
    expect(texts(more)).toEqual(["e"]);
  });

  it("is made of any text whatever", () => {
    const line = fc.oneof(fc.string(), fc.constantFrom("2026-11-21T12:00:00Z a", "T", "\n"));
    fc.assert(
      fc.property(fc.array(line), fc.boolean(), (lines, over) => {
        const text = lines.join("\n");
        const { next } = pageOf(text, "", { over, cut: false });
        expect(pageOf(text, next, RUNNING).lines).toEqual([]);
      }),
    );
  });

  it("goes on where the last ended, however the log was cut and however many lines share a time", () => {
    const log = fc.array(
      fc.record({ step: fc.integer({ min: 0, max: 2 }), text: fc.constantFrom("", "a", "b c") }),
    );
    fc.assert(
      fc.property(log, fc.array(fc.nat({ max: 12 })), (entries, cuts) => {
        const written = timed(entries);
        const read: string[] = [];
        let after = "";
        for (const cut of [...cuts.sort((a, b) => a - b), written.length]) {
          // What Kubernetes gives: all that is written by now, from the second of the cursor on.
          const since = after.slice(0, 19);
          const shown = written.slice(0, cut).filter(({ time }) => time.slice(0, 19) >= since);
          const text = shown.map(({ time, text: line }) => `${time} ${line}\n`).join("");
          const page = pageOf(text, after, RUNNING);
          read.push(...texts(page));
          after = page.next;
        }
        expect(read).toEqual(written.map(({ text }) => text));
      }),
    );
  });
});

/** Lines whose times stay, go on within a second, or jump to another. */
function timed(entries: readonly { step: number; text: string }[]) {
  let nanos = 0;
  return entries.map(({ step, text }) => {
    nanos += [0, 150_000_000, 1_700_000_000][step] ?? 0;
    const second = new Date(Date.UTC(2026, 10, 21) + Math.floor(nanos / 1e9) * 1000);
    const fraction = String(nanos % 1e9).padStart(9, "0");
    return { time: `${second.toISOString().slice(0, 19)}.${fraction}Z`, text };
  });
}

describe("the log of a Job", () => {
  let fake: FakeKubernetes;
  let backend: Backend;
  beforeEach(async () => {
    fake = await fakeKubernetes();
    backend = openOn(fake);
  });
  afterEach(() => fake.close());

  async function started(command: readonly string[]): Promise<Job> {
    const plan = await backend.plan(launchRequest(parts(command, { runId: "run-7" })));
    const key = { runId: "run-7", launch: 1, target: plan.target };
    const answer = await backend.launch(plan, key, never());
    if (answer.type !== "launched") throw new Error(answer.message);
    return answer.job;
  }

  function pod(): FakePod {
    const [first] = fake.pods("sluice-run-7-1");
    if (first === undefined) throw new Error("no pod");
    return first;
  }

  async function read(job: Job, after?: string): Promise<LogPage> {
    const page = await backend.logs?.(job, after);
    if (page === undefined) throw new Error("no logs");
    return page;
  }

  it("is empty, and not complete, before its container runs", async () => {
    const job = await started(["write", "a"]);
    expect(await read(job)).toEqual({ lines: [], next: "", complete: false });
    fake.advance(1);
    fake.advance(1);
    expect(await read(job, "x")).toEqual({ lines: [], next: "x", complete: false });
  });

  it("is that of its own installation, and so is what its pods say", async () => {
    const mine = await started(["run"]);
    const other = backend;
    backend = openOn(fake, {}, { installation: "sluice-dev" });
    const theirs = await started(["write", "theirs"]);
    fake.advance(5);
    expect(texts(await read(theirs))).toEqual(["theirs"]);
    expect(await other.inspect([mine])).toMatchObject([{ type: "running" }]);
    backend = other;
    expect(await read(mine)).toEqual({ lines: [], next: "", complete: false });
  });

  it("is complete when the Job is gone, or its pod", async () => {
    const job = await started(["exit", "0"]);
    fake.advance(5);
    fake.store.pods.length = 0;
    expect(await read(job, "2026-11-21T12:00:00.000000000Z/1")).toMatchObject({ complete: true });
    fake.store.jobs.length = 0;
    expect(await read(job)).toEqual({ lines: [], next: "", complete: true });
  });

  it("ends with the cluster's word for it where the container is gone from its machine", async () => {
    const job = await started(["write", "one"]);
    fake.advance(5);
    const { next } = await read(job);
    pod().logGone = true;
    const text = expect.stringMatching(/^unable to retrieve container logs for containerd:/);
    expect(await read(job, next)).toEqual({ lines: [{ text }], next, complete: true });
  });

  it("is that of the flow, also where another container was put before it", async () => {
    const job = await started(["run"]);
    fake.advance(1);
    pod().spec.containers.unshift({ name: "proxy", image: "p", command: ["run"] });
    fake.advance(3);
    pod().log.push({ time: "2026-11-21T12:00:09.000000001Z", text: "mine" });
    expect(texts(await read(job))).toEqual(["mine"]);
    expect(fake.requests.at(-1)).toContain("container=flow");
  });

  it("is read on although more than a page was written within one second", async () => {
    const job = await started(["run"]);
    fake.advance(4);
    const line = "x".repeat(400_000);
    for (let index = 0; index < 9; index++) {
      pod().log.push({ time: `2026-11-21T12:00:09.00000000${index}Z`, text: `${index}${line}` });
    }
    const seen: string[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 20 && seen.length < 9; pages++) {
      const page = await read(job, after);
      seen.push(...page.lines.map(({ text }) => text.slice(0, 1)));
      after = page.next;
    }
    expect(seen).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
  });

  describe("with someone looking", () => {
    async function shown(config: RequestParts["config"]): Promise<string[]> {
      const lines: string[] = [];
      const show = (runId: string, line: string) => void lines.push(`${runId}: ${line}`);
      backend = openOn(fake, {}, { show });
      const orion = { dialect: "orion", type: "kubernetes" } as const;
      const image = { image: "etl:1" };
      for (const [runId, options] of [
        ["run-7", config?.options ?? {}],
        // Shown after the other, so that what is not shown shows by its absence.
        ["last", { stream_output: true }],
      ] as const) {
        const request = launchRequest({
          ...parts(["write", "one", "two"], { runId }),
          config: { ...orion, backend: "kubernetes", options: { ...image, ...options } },
        });
        const plan = await backend.plan(request);
        await backend.launch(plan, { runId, launch: 1, target: plan.target }, never());
        fake.advance(5);
      }
      while (!lines.includes("last: two")) await new Promise((resolve) => setTimeout(resolve, 5));
      return lines.filter((line) => line.startsWith("run-7"));
    }

    it("is shown line by line where the flow runner says so", async () => {
      const lines = await shown({ options: { stream_output: true } });
      expect(lines).toEqual(["run-7: one", "run-7: two"]);
    });

    it("is shown nowhere else", async () => {
      expect(await shown({ options: { stream_output: false } })).toEqual([]);
    });
  });
});
