import { describe, expect, it } from "vitest";
import { plus } from "../../src/time.ts";
import type { StoreHarness } from "./store-harness.ts";
import { newRun, START, waiting } from "./store-samples.ts";

export function reads(current: () => StoreHarness): void {
  describe("get", () => {
    it("knows nothing of a run that was never created", async () => {
      expect(await current().store.get("unknown")).toBeUndefined();
    });

    it("shows each write as soon as it has finished, to everybody", async () => {
      const { store, reopen } = current();
      const other = reopen();
      const { run } = await store.create(newRun());

      let newest = run;
      for (let tries = 1; tries <= 20; tries++) {
        const writer = tries % 2 === 0 ? store : other;
        const reader = tries % 2 === 0 ? other : store;
        const next = await writer.transition(newest, waiting(START, tries), {
          now: plus(START, tries),
        });
        if (next === undefined) throw new Error(`write ${tries} lost against nobody`);

        newest = next;
        expect(await reader.get(run.id)).toStrictEqual(newest);
      }
    });
  });

  describe("body", () => {
    it("knows nothing of a run that was never created", async () => {
      expect(await current().store.body("unknown")).toBeUndefined();
    });

    it("is there whenever the head is", async () => {
      const { store, reopen } = current();
      const other = reopen();
      const runs = Array.from({ length: 20 }, () => newRun());

      const creating = Promise.all(runs.map((run) => store.create(run)));
      for (const { id } of runs) {
        if ((await other.get(id)) !== undefined) expect(await other.body(id)).toBeDefined();
      }
      await creating;

      for (const { id } of runs) expect(await other.body(id)).toBeDefined();
    });
  });
}
