import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Run } from "../../src/run.ts";
import { plus } from "../../src/time.ts";
import { statesByType } from "./store-arbitraries.ts";
import type { StoreHarness, StoreTraits } from "./store-harness.ts";
import {
  launching,
  newRun,
  newRunId,
  START,
  submitted,
  succeeded,
  waiting,
} from "./store-samples.ts";

const CROWD = 50;
const NOW = plus(START, 5_000);

export function moves(current: () => StoreHarness, traits: StoreTraits): void {
  describe("transition", () => {
    it("puts a run in its next state, as of now, in the next revision", async () => {
      const { store, reopen } = current();
      const { run } = await store.create(newRun());

      const moved = await store.transition(run, launching(1), { now: NOW });

      expect(moved).toStrictEqual({
        ...run,
        state: launching(1),
        since: NOW,
        launches: 1,
        revision: 2,
      });
      expect(await reopen().get(run.id)).toStrictEqual(moved);
    });

    it("leaves since when the run entered its state, if that is only renewed", async () => {
      const { store } = current();
      const { run } = await store.create(newRun());
      const moved = await store.transition(run, launching(1), { now: NOW });
      if (moved === undefined) throw new Error("expected the run to move");

      const renewed = await store.transition(moved, launching(1, plus(NOW, 90_000)), {
        now: plus(NOW, 1),
      });

      expect(renewed).toMatchObject({ since: NOW, revision: 3 });
    });

    it("loses against a newer revision, and changes nothing", async () => {
      const { store, reopen } = current();
      const { run } = await store.create(newRun());
      const moved = await store.transition(run, launching(1), { now: NOW });

      expect(await reopen().transition(run, succeeded(), { now: plus(NOW, 1) })).toBeUndefined();
      expect(await store.get(run.id)).toStrictEqual(moved);
    });

    it("loses with a revision that does not exist yet", async () => {
      const { store } = current();
      const { run } = await store.create(newRun());

      expect(
        await store.transition({ ...run, revision: 2 }, succeeded(), { now: NOW }),
      ).toBeUndefined();
      expect(await store.get(run.id)).toStrictEqual(run);
    });

    it("does not move a run that was never created", async () => {
      const { store } = current();
      const { run } = await store.create(newRun());
      const unknown = { ...run, id: newRunId() };

      expect(await store.transition(unknown, succeeded(), { now: NOW })).toBeUndefined();
      expect(await store.get(unknown.id)).toBeUndefined();
    });

    it(`lets one of ${CROWD} win that move a run at the same time`, async () => {
      const { store, reopen } = current();
      const other = reopen();
      const { run } = await store.create(newRun());

      const answers = await Promise.all(
        Array.from({ length: CROWD }, (_, index) =>
          (index % 2 === 0 ? store : other).transition(run, waiting(START, index), { now: NOW }),
        ),
      );

      const winners = answers.filter((answer) => answer !== undefined);
      expect(winners).toHaveLength(1);
      expect(await store.get(run.id)).toStrictEqual(winners[0]);
    });

    it(`lets one of ${CROWD} win even if all want the very same`, async () => {
      const { store, reopen } = current();
      const other = reopen();
      const { run } = await store.create(newRun());

      const answers = await Promise.all(
        Array.from({ length: CROWD }, (_, index) =>
          (index % 2 === 0 ? store : other).transition(run, succeeded(), { now: NOW }),
        ),
      );

      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
    });

    it("loses no change of those who read again until they win", async () => {
      const { store, reopen } = current();
      const { run } = await store.create(newRun({ state: waiting(START, 0) }));
      const count = async (through: typeof store): Promise<void> => {
        for (;;) {
          const newest = await through.get(run.id);
          if (newest?.state.type !== "waiting") throw new Error(`${run.id} does not wait`);
          const next = waiting(START, newest.state.tries + 1);
          if ((await through.transition(newest, next, { now: NOW })) !== undefined) return;
        }
      };

      await Promise.all(
        Array.from({ length: 20 }, (_, i) => count(i % 2 === 0 ? store : reopen())),
      );

      expect(await store.get(run.id)).toMatchObject({ revision: 21, state: { tries: 20 } });
    });

    it("remembers the newest launch, whatever the state says", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ state: launching(1) }));
      const counts: number[] = [];

      let newest: Run = run;
      for (const next of [waiting(START), launching(2), submitted(2), submitted(1), succeeded()]) {
        newest = await moved(current(), newest, next);
        counts.push(newest.launches);
      }

      expect(counts).toStrictEqual([1, 2, 2, 2, 2]);
    });

    it("moves a run to another place only if one is named", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ place: "cloud" }));

      const away = await store.transition(run, waiting(START), { now: NOW, place: "workshop" });
      expect(away?.place).toBe("workshop");

      const still = await moved(current(), away, succeeded());
      expect(still.place).toBe("workshop");
      expect(await store.get(run.id)).toStrictEqual(still);
    });

    it("leaves the body alone", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ body: { received: { day: "monday" } } }));

      await moved(current(), run, succeeded());

      expect(await store.body(run.id)).toStrictEqual({ received: { day: "monday" } });
    });

    it.each(Object.keys(statesByType))("keeps all of a state: %s", async (type) => {
      const { store, reopen } = current();
      const arbitrary = statesByType[type as keyof typeof statesByType];
      await fc.assert(
        fc.asyncProperty(arbitrary, async (state) => {
          const { run } = await store.create(newRun());

          const next = await store.transition(run, state, { now: NOW });

          expect(next?.state).toStrictEqual(state);
          expect(await reopen().get(run.id)).toStrictEqual(next);
        }),
        { numRuns: traits.cases },
      );
    });
  });
}

async function moved(
  { store }: StoreHarness,
  run: Run | undefined,
  next: Run["state"],
): Promise<Run> {
  const result = run === undefined ? undefined : await store.transition(run, next, { now: NOW });
  if (result === undefined) throw new Error(`${run?.id} could not be moved to ${next.type}`);
  return result;
}
