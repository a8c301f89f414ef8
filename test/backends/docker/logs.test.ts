import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LogPage } from "../../../src/backend.ts";
import { framesOf } from "../../../src/backends/docker/frames.ts";
import { pageAfter, positionOf } from "../../../src/backends/docker/log-page.ts";
import type { Job } from "../../../src/run.ts";
import { never } from "../../contracts/backend-steps.ts";
import { launchRequest } from "../../contracts/request.ts";
import { type FakeMessage, frame, secondsOf } from "../../fakes/docker-containers.ts";
import { type DockerHarness, openDocker } from "./harness.ts";

const START = Date.parse("2026-11-21T08:03:11Z");

/** A message some nanoseconds after a fixed moment. */
function message(content: string | Buffer, nanos = 0, stream: 1 | 2 = 1): FakeMessage {
  const second = new Date(START + Math.floor(nanos / 1e9) * 1000).toISOString().slice(0, 19);
  const time = `${second}.${String(nanos % 1e9).padStart(9, "0")}Z`;
  return { stream, time, content: Buffer.from(content) };
}

/** The page the engine's answer makes: every message from the second of the position on. */
async function page(
  log: readonly FakeMessage[],
  { after, ended = true, cut = 7 }: { after?: string; ended?: boolean; cut?: number } = {},
): Promise<LogPage> {
  const position = positionOf(after);
  const wanted = log.filter(({ time }) => secondsOf(time) >= position.second);
  return pageAfter(position, framesOf(inPieces(Buffer.concat(wanted.map(frame)), cut)), ended);
}

/** The engine's answer in pieces of any size, as they come over a network. */
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const texts = ({ lines }: LogPage) => lines.map(({ text }) => text);

describe("a page of a log", () => {
  it("tells of each line its stream and when it was written", async () => {
    const { lines, complete } = await page([
      message("out\n", 145_747_737),
      message("err\n", 145_747_738, 2),
    ]);
    expect(lines).toEqual([
      { time: "2026-11-21T08:03:11.145747737Z", stream: "stdout", text: "out" },
      { time: "2026-11-21T08:03:11.145747738Z", stream: "stderr", text: "err" },
    ]);
    expect(complete).toBe(true);
  });

  it("puts long lines together, of each stream on its own and never within a character", async () => {
    const [first, second] = [Buffer.from("ä").subarray(0, 1), Buffer.from("ä").subarray(1)];
    const log = [
      message(Buffer.concat([Buffer.from("gr"), first])),
      message("meanwhile\n", 1, 2),
      message(Buffer.concat([second, Buffer.from("ßer\n")]), 0),
    ];
    expect(texts(await page(log))).toEqual(["meanwhile", "gräßer"]);
  });

  it("keeps empty lines, drops carriage returns at the end and takes a last line without one", async () => {
    expect(texts(await page([message("\n"), message("a\r\n", 1), message("b", 2)]))).toEqual([
      "",
      "a",
      "b",
    ]);
  });

  it("holds a line back that is still being written", async () => {
    const log = [message("whole\n"), message("half", 1)];
    const before = await page(log, { ended: false });
    expect([texts(before), before.complete]).toEqual([["whole"], false]);
    const more = [...log, message(" and half\n", 2)];
    expect(texts(await page(more, { after: before.next }))).toEqual(["half and half"]);
  });

  it("holds back what stands behind a line that is still being written", async () => {
    const log = [message("half", 0, 1), message("whole\n", 1, 2)];
    const before = await page(log, { ended: false });
    expect(texts(before)).toEqual([]);
    expect(texts(await page([...log, message("\n", 2)], { after: before.next }))).toEqual([
      "whole",
      "half",
    ]);
  });

  it("ends after five thousand lines or a mebibyte, and the next goes on", async () => {
    const many = Array.from({ length: 12_000 }, (_, index) => message(`${index}\n`, index * 1_000));
    expect(await pagesOf(many)).toEqual([5_000, 5_000, 2_000]);
    const big = Array.from({ length: 5 }, (_, index) => message(`${"x".repeat(600_000)}\n`, index));
    expect(await pagesOf(big)).toEqual([2, 2, 1]);
  });

  it("cuts a line that is longer than a page", async () => {
    const log = Array.from({ length: 100 }, (_, index) => message("x".repeat(16_384), index));
    const first = await page(log, { ended: false, cut: 65_536 });
    expect(texts(first).map(({ length }) => length)).toEqual([1024 * 1024]);
    expect(first.complete).toBe(false);
  });

  it("leaves a line that would not fit whole to the next page", async () => {
    const parts = Array.from({ length: 100 }, (_, index) => message("x".repeat(16_384), index + 1));
    const first = await page([message("a\n"), ...parts], { cut: 65_536 });
    expect([texts(first), first.complete]).toEqual([["a"], false]);
    const second = await page([message("a\n"), ...parts], { cut: 65_536, after: first.next });
    expect(texts(second).map(({ length }) => length)).toEqual([1024 * 1024]);
  });

  it("takes messages that are kept in another order than they were written", async () => {
    const log = [message("a\n", 1_000_000_005), message("b\n", 999_999_999, 2)];
    const before = await page(log.slice(0, 1), { ended: false });
    expect(texts(await page(log, { after: before.next }))).toEqual(["b"]);
  });

  it("reads every message once, wherever the pages end and whenever they are read", async () => {
    const messages = fc.array(
      fc.record({
        gap: fc.constantFrom(0, 1, 400_000_000, 1_000_000_000, 7_000_000_000),
        text: fc.constantFrom("a\n", "b", "\n", "long\n", "ü\n"),
        stream: fc.constantFrom(1 as const, 2 as const),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(
        messages,
        fc.array(fc.nat(40), { maxLength: 6 }),
        fc.integer({ min: 1, max: 99 }),
        async (parts, stops, cut) => {
          let nanos = 0;
          const log = parts.map(({ gap, text, stream }) => message(text, (nanos += gap), stream));
          const whole = await page(log);
          const read: LogPage["lines"][number][] = [];
          let after: string | undefined;
          for (const stop of stops.toSorted((a, b) => a - b)) {
            const part = await page(log.slice(0, stop), {
              ...(after === undefined ? {} : { after }),
              ended: false,
              cut,
            });
            read.push(...part.lines);
            after = part.next;
          }
          read.push(...(await page(log, after === undefined ? {} : { after })).lines);
          expect(read).toEqual(whole.lines);
        },
      ),
    );
  });

  it("fails when the engine breaks it off", async () => {
    const broken = frame(message("no such file\n"));
    broken[0] = 3;
    const frames = framesOf(inPieces(Buffer.concat([frame(message("a\n")), broken]), 9));
    await expect(pageAfter(positionOf(undefined), frames, true)).rejects.toThrow(
      "the engine broke the log off",
    );
  });

  it("refuses a position it has not given", () => {
    expect(() => positionOf("yesterday")).toThrow("as an earlier page gave it");
  });

  async function pagesOf(log: readonly FakeMessage[]): Promise<number[]> {
    const sizes: number[] = [];
    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const part = await page(log, { ...(after === undefined ? {} : { after }), cut: 65_536 });
      sizes.push(part.lines.length);
      seen.push(...texts(part));
      if (part.complete) break;
      after = part.next;
    }
    expect(seen.map((line) => `${line}\n`)).toEqual(log.map(({ content }) => content.toString()));
    return sizes;
  }
});

describe("the log of a container", () => {
  let harness: DockerHarness;
  beforeEach(async () => {
    harness = await openDocker();
  });
  afterEach(() => harness.close());

  it("grows while it runs, and is complete when it has ended", async () => {
    const job = await launch("forever");
    const read = async (after?: string) => harness.backend.logs?.(job, after) as Promise<LogPage>;
    harness.docker.write(idOf(job), "one\n");
    const first = await read();
    expect([texts(first), first.complete]).toEqual([["one"], false]);
    expect(texts(await read(first.next))).toEqual([]);
    harness.docker.write(idOf(job), "two\n", { stream: 2 });
    harness.docker.end(idOf(job), 0);
    const second = await read(first.next);
    expect([texts(second), second.complete]).toEqual([["two"], true]);
  });

  it("is gone with a container that was removed", async () => {
    await expect(harness.backend.logs?.(harness.unknown)).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("cannot be read from a driver that sends it elsewhere", async () => {
    const job = await launch("forever");
    const message = "configured logging driver does not support reading";
    harness.docker.faults.push({ method: "GET", path: /logs$/, how: { status: 501, message } });
    await expect(harness.backend.logs?.(job)).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringContaining(message),
    });
  });

  it("fails, to be read again, while the engine is not reached", async () => {
    const job = await launch("forever");
    await harness.docker.down();
    await expect(harness.backend.logs?.(job)).rejects.toThrow("cannot be reached");
    await harness.docker.up();
  });

  it.each([
    ["the agent", { show_flow_logs: true }, {}],
    [
      "a flow runner",
      {},
      {
        dialect: "orion",
        type: "docker",
        options: { image: "etl", image_pull_policy: "NEVER", stream_output: true },
      },
    ],
  ] as const)("is shown where %s asks for it", async (_, options, config) => {
    const shown: string[] = [];
    const world = { show: (runId: string, line: string) => void shown.push(`${runId} ${line}`) };
    const backend = harness.open(world, options);
    const parts = harness.request("write", "one", "two");
    const plan = await backend.plan(
      launchRequest({ ...parts, config: { ...parts.config, ...config } }),
    );
    await backend.launch(plan, { runId: "run-1", launch: 1, target: plan.target }, never());
    while (shown.length < 2) await sleep(5);
    expect(shown).toEqual(["run-1 one", "run-1 two"]);
  });

  it("that cannot be shown is told of, and the run goes on", async () => {
    const warnings: unknown[] = [];
    const log = { info() {}, error() {}, warn: (line: string) => void warnings.push(line) };
    harness.docker.faults.push({ method: "GET", path: /logs$/, how: "cut" });
    const backend = harness.open({ show: () => undefined, log }, { show_flow_logs: true });
    const plan = await backend.plan(launchRequest(harness.request("forever")));
    const key = { runId: "run-1", launch: 1, target: plan.target };
    expect((await backend.launch(plan, key, never())).type).toBe("launched");
    while (warnings.length === 0) await sleep(5);
    expect(warnings).toEqual(["output of a run not shown"]);
  });

  async function launch(...command: string[]): Promise<Job> {
    const plan = await harness.backend.plan(launchRequest(harness.request(...command)));
    const key = { runId: "run-1", launch: 1, target: plan.target };
    const answer = await harness.backend.launch(plan, key, never());
    if (answer.type !== "launched") throw new Error(answer.message);
    return answer.job;
  }
});

function idOf(job: Job): string {
  return String(job.ref["container"]);
}
