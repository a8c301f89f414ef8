import { describe, expect, it } from "vitest";
import { plus } from "../../src/time.ts";
import type { StoreHarness } from "./store-harness.ts";
import { newRun, START, succeeded } from "./store-samples.ts";

const NOW = plus(START, 5_000);

export function survivesLostAnswers(current: () => StoreHarness): void {
  describe("an answer that is lost", () => {
    it("does not hide that a run was created", async () => {
      const { store } = current();
      const run = newRun();
      lose(current());

      const answer = await store.create(run);

      expect(answer.created).toBe(true);
      expect(answer.run).toStrictEqual(await store.get(run.id));
    });

    it("does not make a known run a new one", async () => {
      const { store, reopen } = current();
      const run = newRun();
      await reopen().create(run);
      lose(current());

      expect((await store.create(run)).created).toBe(false);
    });

    it("does not hide that a run was moved", async () => {
      const { store } = current();
      const { run } = await store.create(newRun());
      lose(current());

      const next = await store.transition(run, succeeded(), { now: NOW });

      expect(next).toStrictEqual(await store.get(run.id));
      expect(next?.revision).toBe(2);
    });

    it("does not let a loser win with the same wish as the winner", async () => {
      const { store, reopen } = current();
      const { run } = await store.create(newRun());
      await reopen().transition(run, succeeded(), { now: NOW });
      lose(current());

      expect(await store.transition(run, succeeded(), { now: NOW })).toBeUndefined();
    });
  });
}

function lose({ loseNextAnswer }: StoreHarness): void {
  if (loseNextAnswer === undefined) {
    throw new Error("the harness of a store with remote answers must be able to lose one");
  }
  loseNextAnswer();
}
