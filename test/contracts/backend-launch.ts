import { expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { BackendHarness, BackendTraits } from "./backend.ts";
import {
  type Current,
  type Launched,
  launch,
  never,
  newId,
  planned,
  thrownBy,
  until,
  untilEnded,
} from "./backend-steps.ts";
import { launchRequest } from "./request.ts";

export function launchesOnce(current: Current, once: BackendTraits["once"]): void {
  it("starts one job for a key that is launched again", async () => {
    const harness = current();
    const first = await launch(harness, harness.runs);
    const again = await launchUnlessFound(harness, first, once);
    expect(again).toEqual([first.job.id]);
    expect(await harness.started()).toBe(1);
  });

  it("starts one job for a key even if the request has changed in between", async () => {
    const harness = current();
    const first = await launch(harness, harness.runs);
    const changed = launchRequest({
      ...harness.runs,
      runId: first.key.runId,
      env: { CONTRACT_CHANGED: "1" },
    });
    const plan = await harness.reopen().plan(changed);
    expect(await launchUnlessFound(harness, { ...first, plan }, once)).toEqual([first.job.id]);
    expect(await harness.started()).toBe(1);
  });

  it("starts no second job for a key whose job has ended", async () => {
    const harness = current();
    const first = await launch(harness, harness.succeeds);
    await untilEnded(harness, first.job);
    expect(await launchUnlessFound(harness, first, once)).toEqual([first.job.id]);
    expect(await harness.started()).toBe(1);
  });

  if (once === "always") {
    it("starts one job for a key that is launched by many at the same time", async () => {
      const harness = current();
      const { plan, key } = await planned(harness, harness.runs);
      const answers = await Promise.all(
        [harness.backend, harness.reopen(), harness.backend, harness.reopen()].map((backend) =>
          backend.launch(plan, key, never()),
        ),
      );
      const ids = answers.map((answer) => (answer.type === "launched" ? answer.job.id : answer));
      expect(new Set(ids).size, JSON.stringify(ids)).toBe(1);
      expect(await harness.started()).toBe(1);
    });
  }

  it("starts a job of its own for each run and for each launch of a run", async () => {
    const harness = current();
    const runId = newId();
    const jobs = [
      (await launch(harness, { ...harness.runs, runId })).job,
      (await launch(harness, { ...harness.runs, runId, launch: 2 })).job,
      (await launch(harness, harness.runs)).job,
    ];
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(3);
    expect(await harness.started()).toBe(3);
  });

  it("starts nothing once its signal is aborted, and leaves the launch to be repeated", async () => {
    const harness = current();
    const { plan, key } = await planned(harness, harness.succeeds);
    const thrown = await thrownBy(() => harness.backend.launch(plan, key, AbortSignal.abort()));
    expect(thrown).toBeDefined();
    expect(thrown).not.toBeInstanceOf(PermanentError);
    expect(await harness.started()).toBe(0);
  });
}

export function finds(current: Current): void {
  it("finds a running job by its key, from any process", async () => {
    const harness = current();
    const { key, job } = await launch(harness, harness.runs);
    await until(harness, job, ({ type }) => type === "running");
    expect((await harness.reopen().find(key)).map(({ id }) => id)).toEqual([job.id]);
  });

  it("finds a job that has ended, with its end", async () => {
    const harness = current();
    const { key, job } = await launch(harness, harness.succeeds);
    const end = await untilEnded(harness, job);
    const found = await harness.reopen().find(key);
    expect(found.map(({ id }) => id)).toEqual([job.id]);
    expect(await harness.backend.inspect(found)).toEqual([end]);
  });

  it("finds nothing for another launch, and starts nothing by looking", async () => {
    const harness = current();
    const { key } = await launch(harness, harness.runs);
    expect(await harness.backend.find({ ...key, launch: key.launch + 1 })).toEqual([]);
    expect(await harness.backend.find({ ...key, runId: newId() })).toEqual([]);
    expect(await harness.started()).toBe(1);
  });
}

/** Launches a plan again as the next holder of its lease does; the ids of the jobs it ends up with. */
async function launchUnlessFound(
  harness: BackendHarness,
  { plan, key }: Launched,
  once: BackendTraits["once"],
): Promise<string[]> {
  const other = harness.reopen();
  const found = once === "after_find" ? await other.find(key) : [];
  if (found.length > 0) return found.map(({ id }) => id);
  const answer = await other.launch(plan, key, never());
  if (answer.type !== "launched") throw new Error(`not launched: ${JSON.stringify(answer)}`);
  return [answer.job.id];
}
