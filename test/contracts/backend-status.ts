import { expect, it } from "vitest";
import type { Job, JobStatus } from "../../src/run.ts";
import type { BackendHarness } from "./backend.ts";
import { type Current, copy, launch, MOST_TICKS, until, untilEnded } from "./backend-steps.ts";

export function reports(name: string, current: Current): void {
  it("reports that a job succeeded", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.succeeds);
    expect(await untilEnded(harness, job)).toMatchObject({
      end: "succeeded",
      cause: { type: "exit", exitCode: 0 },
    });
  });

  it("reports that a job failed, with its exit code", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.fails);
    const end = await untilEnded(harness, job);
    expect(end).toMatchObject({ end: "failed", cause: { type: "exit", exitCode: 3 } });
    expect(end.cause.message).not.toBe("");
  });

  it("reports that a job runs", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.runs);
    const status = await until(harness, job, ({ type }) => type !== "pending");
    expect(status.type).toBe("running");
  });

  it("names a job in plain JSON that any process can ask about", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.fails);
    expect(job.backend).toBe(name);
    expect(copy(job)).toEqual(job);
    const end = await untilEnded(harness, job);
    expect(await harness.reopen().inspect([copy(job)])).toEqual([end]);
  });

  it("answers in the order asked, as often as asked", async () => {
    const harness = current();
    const good = (await launch(harness, harness.succeeds)).job;
    const bad = (await launch(harness, harness.fails)).job;
    const goodEnd = await untilEnded(harness, good);
    const badEnd = await untilEnded(harness, bad);
    const [first, second, third, fourth] = await harness.backend.inspect([
      bad,
      harness.unknown,
      good,
      bad,
    ]);
    expect([first, third, fourth]).toEqual([badEnd, goodEnd, badEnd]);
    expect(isGone(second)).toBe(true);
    expect(await harness.backend.inspect([])).toEqual([]);
  });

  it("calls a job its platform does not know missing or lost", async () => {
    const { backend, unknown } = current();
    const [status] = await backend.inspect([unknown]);
    expect(isGone(status), JSON.stringify(status)).toBe(true);
  });
}

export function cancels(current: Current): void {
  it("cancels a running job, from any process and more than once", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.runs);
    await until(harness, job, ({ type }) => type === "running");
    await harness.reopen().cancel(copy(job));
    await harness.backend.cancel(job);
    const { end, cause } = await untilEnded(harness, job);
    expect(end === "cancelled" || cause.type === "killed", JSON.stringify(cause)).toBe(true);
  });

  it("changes nothing by cancelling a job that has ended", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.succeeds);
    const end = await untilEnded(harness, job);
    await harness.backend.cancel(job);
    await harness.tick();
    expect(await harness.backend.inspect([job])).toEqual([end]);
  });

  it("cancels a job its platform does not know without complaint", async () => {
    const { backend, unknown } = current();
    await expect(backend.cancel(unknown)).resolves.toBeUndefined();
  });
}

export function readsLogs(current: Current): void {
  it("reads all a job has written, each line once and in order", async () => {
    const harness = current();
    const { writes } = harness;
    if (writes === undefined) throw new Error("a harness with logs needs `writes`");
    const { job } = await launch(harness, writes.request);
    await untilEnded(harness, job);
    expect(await allLines(harness, job)).toEqual(writes.lines);
  });

  it("says that the log of a running job is not complete", async () => {
    const harness = current();
    const { job } = await launch(harness, harness.runs);
    await until(harness, job, ({ type }) => type === "running");
    expect((await harness.backend.logs?.(job))?.complete).toBe(false);
  });
}

function isGone(status: JobStatus | undefined): boolean {
  return status?.type === "missing" || (status?.type === "ended" && status.cause.type === "lost");
}

/** The lines of a finished job; a platform may need a while to have them all. */
async function allLines({ backend, tick }: BackendHarness, job: Job): Promise<string[]> {
  const lines: string[] = [];
  let after: string | undefined;
  for (let ticks = 0; ticks < MOST_TICKS; ticks++) {
    const page = await backend.logs?.(job, after);
    if (page === undefined) throw new Error("the backend has no logs");
    lines.push(...page.lines.map(({ text }) => text));
    if (page.complete) return lines;
    after = page.next;
    await tick();
  }
  throw new Error(`the log is not complete after ${MOST_TICKS} pages`);
}
