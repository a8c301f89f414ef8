import { expect, it } from "vitest";
import type { Backend } from "../../src/backend.ts";
import type { BackendHarness } from "./backend.ts";
import { type Current, type Launched, launch, newId, untilEnded } from "./backend-steps.ts";

/** One name as tables mostly have them, and one that no platform takes as it is. */
const INSTALLATIONS = ["sluice-dev", `Team.Data_${"x".repeat(240)}`];

export function keepsInstallationsApart(current: Current): void {
  it("starts a job for each installation that launches the same run, and each finds its own", async () => {
    const harness = current();
    const all = await launchedByAll(harness);
    expect(new Set(all.map(({ job }) => job.id)).size).toBe(all.length);
    expect(await harness.started()).toBe(all.length);
    for (const { backend, key, job } of all) {
      expect((await backend.find(key)).map(({ id }) => id)).toEqual([job.id]);
      expect(await backend.find({ ...key, launch: 2 })).toEqual([]);
    }
  });

  it("finds nothing of a run that only other installations have launched", async () => {
    const harness = current();
    const [first, ...others] = opened(harness);
    const { key } = await launch({ backend: first }, harness.runs);
    for (const backend of others) expect(await backend.find(key)).toEqual([]);
    const [second, ...rest] = others;
    await launch({ backend: second as Backend }, { ...harness.runs, runId: key.runId });
    for (const backend of rest) expect(await backend.find(key)).toEqual([]);
  });

  it("tells each installation how its own job has ended", async () => {
    const harness = current();
    const [first, second] = opened(harness) as readonly [Backend, Backend];
    const { job: good, key } = await launch({ backend: first }, harness.succeeds);
    const { job: bad } = await launch({ backend: second }, { ...harness.fails, runId: key.runId });
    expect(await untilEnded({ ...harness, backend: first }, good)).toMatchObject({
      end: "succeeded",
    });
    expect(await untilEnded({ ...harness, backend: second }, bad)).toMatchObject({ end: "failed" });
  });

  it("cancels the job of one installation and no other", async () => {
    const harness = current();
    const all = await launchedByAll(harness);
    for (const [index, { backend, job }] of all.entries()) {
      await backend.cancel(job);
      const { end, cause } = await untilEnded({ ...harness, backend }, job);
      expect(end === "cancelled" || cause.type === "killed", JSON.stringify(cause)).toBe(true);
      for (const other of all.slice(index + 1)) {
        const [status] = await other.backend.inspect([other.job]);
        expect(status?.type).not.toBe("ended");
      }
    }
  });
}

/** A backend without an installation, and one of each. */
function opened({ backend, openFor }: BackendHarness): readonly [Backend, ...Backend[]] {
  if (openFor === undefined) throw new Error("a harness with installations needs `openFor`");
  return [backend, ...INSTALLATIONS.map((installation) => openFor(installation))];
}

async function launchedByAll(
  harness: BackendHarness,
): Promise<readonly (Launched & { readonly backend: Backend })[]> {
  const runId = newId();
  const all: (Launched & { readonly backend: Backend })[] = [];
  for (const backend of opened(harness)) {
    all.push({ ...(await launch({ backend }, { ...harness.runs, runId })), backend });
  }
  return all;
}
