import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Agent } from "../../../src/agent.ts";
import { cutLines } from "../../../src/backends/local/logs.ts";
import type { RequestParts } from "../../contracts/request.ts";
import { ended, fileWith, shell, start, traceFile } from "./machine.ts";
import { useTestMachine } from "./use-machine.ts";

const machine = useTestMachine();

/** A process that waits, and a backend whose logs can be written to by hand. */
async function waiting() {
  const backend = machine.open();
  const gate = join(machine.folder, "gate");
  const command = shell(`echo ready; while [ ! -e '${gate}' ]; do sleep 0.02; done`);
  const { job, key } = await start(backend, { command });
  const path = traceFile(machine.folder, "output", key);
  await fileWith(path, "ready");
  const page = async (after?: string) => {
    const read = await backend.logs?.(job, after);
    if (read === undefined) throw new Error("no logs");
    return { ...read, lines: read.lines.map(({ text }) => text) };
  };
  const finish = async () => {
    writeFileSync(gate, "");
    await ended(backend, job);
  };
  return { page, write: (text: string | Buffer) => appendFileSync(path, text), finish };
}

describe("the log of a local process", () => {
  it("goes on where the page before has ended", async () => {
    const { page, write, finish } = await waiting();
    const first = await page();
    expect(first).toMatchObject({ lines: ["ready"], complete: false });
    write("one\ntwo\n");
    const second = await page(first.next);
    expect(second).toMatchObject({ lines: ["one", "two"], complete: false });
    expect(await page(second.next)).toEqual({ lines: [], next: second.next, complete: false });
    await finish();
    expect(await page(second.next)).toEqual({ lines: [], next: second.next, complete: true });
  });

  it("holds back a line until it is whole, or nothing follows", async () => {
    const { page, write, finish } = await waiting();
    const { next } = await page();
    const euro = Buffer.from("cost: 5 €");
    write(euro.subarray(0, -1));
    expect(await page(next)).toMatchObject({ lines: [], next });
    write(euro.subarray(-1));
    expect(await page(next)).toMatchObject({ lines: [], next });
    await finish();
    expect(await page(next)).toMatchObject({ lines: ["cost: 5 €"], complete: true });
  });

  it("comes in pages, however long it is", async () => {
    const { page, write, finish } = await waiting();
    const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index} ü`);
    write(`${lines.join("\n")}\n`);
    await finish();
    const read: string[] = [];
    let pages = 0;
    for (let after: string | undefined; ; pages++) {
      const { lines: part, next, complete } = await page(after);
      read.push(...part);
      after = next;
      if (complete) break;
    }
    expect(pages).toBeGreaterThan(1);
    expect(read).toEqual(["ready", ...lines]);
  });

  it("is read on though one line fills pages", async () => {
    const { page, write, finish } = await waiting();
    write("€".repeat(200_000));
    const read: string[] = [];
    let { next: after } = await page();
    for (let count = 0; count < 2; count++) {
      const { lines, next } = await page(after);
      read.push(...lines);
      after = next;
    }
    expect(read.join("")).toMatch(/^€{170000,}$/);
    await finish();
    const { lines } = await page(after);
    expect(read.join("") + lines.join("")).toBe("€".repeat(200_000));
  });

  it("is empty and not complete before anything is written", async () => {
    const backend = machine.open();
    const { job } = await start(backend, { command: ["sleep", "600"] });
    expect(await backend.logs?.(job)).toEqual({ lines: [], next: "0", complete: false });
  });

  it("refuses a place no page has given", async () => {
    const { page } = await waiting();
    await expect(page("-1")).rejects.toMatchObject({ code: "invalid" });
    await expect(page("2026-01-01")).rejects.toMatchObject({ code: "invalid" });
  });
});

describe("cutting bytes into lines", () => {
  it("gives the same lines whatever pieces the bytes come in", () => {
    const text = fc.array(fc.string({ unit: "binary", maxLength: 12 }), { maxLength: 8 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(20)), (parts, cuts) => {
        const whole = Buffer.from(parts.join("\n").toWellFormed());
        const expected = cutLines(whole, { last: true, full: false }).lines;
        const lines: unknown[] = [];
        let from = 0;
        let to = 0;
        for (const cut of [...cuts, whole.length]) {
          to = Math.min(whole.length, to + cut);
          const last = to === whole.length && cut === whole.length;
          const piece = cutLines(whole.subarray(from, to), { last, full: false });
          lines.push(...piece.lines);
          from += piece.length;
        }
        expect(lines).toEqual(expected);
      }),
    );
  });

  it("never cuts within a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 4 }), fc.nat(100), (drawn, cut) => {
        const text = drawn.toWellFormed().replaceAll("\n", "x");
        const bytes = Buffer.from(text).subarray(0, 4 + cut);
        const { lines, length } = cutLines(bytes, { last: false, full: true });
        expect(text.startsWith(lines[0]?.text.replace(/\uFFFD$/, "") ?? "")).toBe(true);
        expect(Buffer.from(text).subarray(length).toString()).toBe(
          text.slice(Buffer.from(text).subarray(0, length).toString().length),
        );
      }),
    );
  });

  it("takes bytes that are no text as they come", () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x0a, 0x80, 0x80, 0x80, 0x80, 0x80]);
    expect(cutLines(bytes, { last: true, full: false }).length).toBe(8);
    expect(cutLines(bytes.subarray(3), { last: false, full: true }).length).toBe(5);
  });
});

describe("the output of a process", () => {
  async function shown(parts: RequestParts, options: Agent["options"] = {}): Promise<string[]> {
    const lines: string[] = [];
    const world = { show: (runId: string, line: string) => lines.push(`${runId}: ${line}`) };
    const backend = machine.open({ world, options });
    const text = "echo one; echo two >&2; printf three";
    const { job } = await start(backend, { runId: "run-5", command: shell(text), ...parts });
    await ended(backend, job);
    // A second run is shown after the first, so that what is not shown shows by its absence.
    const other = machine.open({ world, options: { show_flow_logs: true } });
    await start(other, { runId: "last", command: shell("sleep 0.6; echo end") });
    while (!lines.includes("last: end")) await new Promise((resolve) => setTimeout(resolve, 10));
    return lines.filter((line) => line.startsWith("run-5"));
  }

  it("is shown line by line where the agent or the flow runner says so", async () => {
    const expected = ["run-5: one", "run-5: two", "run-5: three"];
    expect(await shown({}, { show_flow_logs: true })).toEqual(expected);
  });

  it("is shown where the flow runner says so", async () => {
    const expected = ["run-5: one", "run-5: two", "run-5: three"];
    expect(await shown({ config: { options: { stream_output: true } } })).toEqual(expected);
  });

  it("is shown nowhere else", async () => {
    expect(await shown({})).toEqual([]);
  });
});
