import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueAt } from "../../src/due.ts";
import type { Place, Run } from "../../src/run.ts";
import { plus, type Timestamp } from "../../src/time.ts";
import { moments, states, statesByType } from "./store-arbitraries.ts";
import { type StoreHarness, type StoreTraits, withStore } from "./store-harness.ts";
import { launching, newRun, START, submitted, succeeded, waiting } from "./store-samples.ts";

const LATER = plus(START, 3_600_000);

export function streamsDueRuns(current: () => StoreHarness, traits: StoreTraits): void {
  describe("due", () => {
    it("streams nothing where nothing is due", async () => {
      expect(await dueIds(current(), LATER)).toStrictEqual([]);
    });

    it("streams a run from the moment on at which it becomes due", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ state: waiting(LATER) }));

      expect(await dueIds(current(), plus(LATER, -1))).toStrictEqual([]);
      expect(await dueIds(current(), LATER)).toStrictEqual([run.id]);
      expect(await dueIds(current(), plus(LATER, 86_400_000))).toStrictEqual([run.id]);
    });

    it("streams heads as `get` returns them, good for a transition", async () => {
      const harness = current();
      const { run } = await harness.store.create(newRun({ state: submitted(1) }));

      const [head] = await dueRuns(harness, LATER);

      expect(head).toStrictEqual(run);
      const moved = await harness.store.transition(head ?? run, succeeded(), { now: LATER });
      expect(moved?.revision).toBe(2);
    });

    it("streams the runs of one place", async () => {
      const { store } = current();
      const { run: here } = await store.create(newRun({ place: "cloud" }));
      const { run: there } = await store.create(newRun({ place: "workshop" }));

      expect(await dueIds(current(), LATER, "cloud")).toStrictEqual([here.id]);
      expect(await dueIds(current(), LATER, "workshop")).toStrictEqual([there.id]);
    });

    it("follows a run to another place and another time", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ place: "cloud", state: waiting(START) }));

      await store.transition(run, waiting(LATER), { now: START, place: "workshop" });

      expect(await dueIds(current(), LATER, "cloud")).toStrictEqual([]);
      expect(await dueIds(current(), plus(LATER, -1), "workshop")).toStrictEqual([]);
      expect(await dueIds(current(), LATER, "workshop")).toStrictEqual([run.id]);
    });

    it("forgets a run that is over", async () => {
      const { store } = current();
      const { run } = await store.create(newRun());
      await store.create(newRun({ state: succeeded() }));

      await store.transition(run, succeeded(), { now: START });

      expect(await dueIds(current(), LATER)).toStrictEqual([]);
    });

    it.each(Object.keys(statesByType))("finds a run when its state says so: %s", async (type) => {
      const arbitrary = statesByType[type as keyof typeof statesByType];
      await fc.assert(
        fc.asyncProperty(arbitrary, moments, async (state, since) => {
          await withStore(traits, async (harness) => {
            const { run } = await harness.store.create(newRun());
            await harness.store.transition(run, state, { now: since });
            const due = dueAt(state, since);

            const early = due === undefined ? [] : await dueIds(harness, plus(due, -1));
            const onTime = await dueIds(harness, due ?? "2199-12-31T00:00:00.000Z");

            expect(early).toStrictEqual([]);
            expect(onTime).toStrictEqual(due === undefined ? [] : [run.id]);
          });
        }),
        { numRuns: Math.ceil(traits.cases / 4) },
      );
    });

    it("streams exactly the due runs of a place, the longest due first", async () => {
      const run = fc.record({ state: states, place: fc.constantFrom("cloud", "workshop") });
      const some = fc.array(run, { minLength: 1, maxLength: 25 });
      await fc.assert(
        fc.asyncProperty(some, moments, async (parts, now) => {
          await withStore(traits, async (harness) => {
            for (const part of parts) await harness.store.create(newRun(part));

            const streamed = await dueRuns(harness, now, "cloud");

            const moments = streamed.map(({ state, since }) => dueAt(state, since) ?? "never");
            const expected = parts
              .filter(({ place }) => place === "cloud")
              .map(({ state }) => dueAt(state, START) ?? "never")
              .filter((due) => due <= now);
            expect(moments).toStrictEqual(expected.sort());
            expect(new Set(streamed.map(({ id }) => id)).size).toBe(streamed.length);
          });
        }),
        { numRuns: Math.ceil(traits.cases / 2) },
      );
    });

    it("begins at the moment it is told to, with all that became due then", async () => {
      const { store, settled } = current();
      const moments = [0, 1, 1, 1, 2].map((ms) => plus(START, ms));
      const runs = moments.map((moment) => newRun({ state: waiting(moment) }));
      for (const run of runs) await store.create(run);
      const elsewhere = newRun({ place: "workshop", state: waiting(plus(START, 2)) });
      await store.create(elsewhere);
      await settled();
      const idsFrom = async (ms: number, place = "cloud") => {
        const from = plus(START, ms);
        const found = await Array.fromAsync(store.due(plus(START, 2), place, { from }));
        return found.map(({ id }) => id).sort();
      };
      const ids = runs.map(({ id }) => id).sort();

      expect(await idsFrom(0)).toStrictEqual(ids);
      expect(await idsFrom(-60_000)).toStrictEqual(ids);
      expect(await idsFrom(1)).toStrictEqual(ids.filter((id) => id !== runs[0]?.id));
      expect(await idsFrom(2)).toStrictEqual([runs[4]?.id]);
      expect(await idsFrom(2, "workshop")).toStrictEqual([elsewhere.id]);
      expect(await idsFrom(3)).toStrictEqual([]);
    });

    it("goes on, over and over, where a caller has stopped among many of one moment", async () => {
      const harness = current();
      const ties = Array.from({ length: 250 }, () => newRun({ state: waiting(START) }));
      await Promise.all(ties.map((run) => harness.store.create(run)));
      await harness.settled();
      const seen = new Set<string>();

      for (let stops = 0; stops < 6; stops += 1) {
        let taken = 0;
        for await (const { id } of harness.store.due(LATER, "cloud", { from: START })) {
          if (seen.has(id)) continue;
          if (taken === 50) break;
          seen.add(id);
          taken += 1;
        }
      }

      expect([...seen].sort()).toStrictEqual(ties.map(({ id }) => id).sort());
    });

    it("streams each of many runs although its caller moves every one of them", async () => {
      const harness = current();
      const ids = await createMany(harness, 250);
      await harness.settled();
      const streamed: string[] = [];

      for await (const run of harness.store.due(LATER, "cloud")) {
        streamed.push(run.id);
        await harness.store.transition(run, succeeded(), { now: LATER });
      }

      expect(streamed.sort()).toStrictEqual(ids.sort());
      expect(await dueIds(harness, LATER)).toStrictEqual([]);
    });

    it("ends, with each run once, although every one becomes due again at once", async () => {
      const harness = current();
      const ids = await createMany(harness, 250);
      await harness.settled();
      const streamed: string[] = [];

      for await (const run of harness.store.due(LATER, "cloud")) {
        streamed.push(run.id);
        await harness.store.transition(run, launching(1, LATER), { now: LATER });
      }

      expect(streamed.sort()).toStrictEqual(ids.sort());
      expect(await dueIds(harness, LATER)).toHaveLength(ids.length);
    });

    it("streams the others although somebody else moves some meanwhile", async () => {
      const harness = current();
      const ids = await createMany(harness, 250);
      await harness.settled();
      const others = harness.reopen();
      const moved = new Set<string>();
      const streamed = new Set<string>();

      for await (const run of harness.store.due(LATER, "cloud")) {
        streamed.add(run.id);
        const other = await others.get(ids[moved.size * 2] ?? "none");
        if (other === undefined) continue;
        await others.transition(other, waiting(plus(LATER, 1)), { now: LATER });
        moved.add(other.id);
      }

      expect(ids.filter((id) => !moved.has(id) && !streamed.has(id))).toStrictEqual([]);
    });

    it("can be left before its end", async () => {
      const harness = current();
      await createMany(harness, 5);
      await harness.settled();

      for await (const run of harness.store.due(LATER, "cloud")) {
        await harness.store.transition(run, succeeded(), { now: LATER });
        break;
      }

      expect(await dueIds(harness, LATER)).toHaveLength(4);
    });
  });
}

async function createMany({ store }: StoreHarness, count: number): Promise<string[]> {
  const runs = Array.from({ length: count }, (_, index) =>
    newRun({ state: waiting(plus(START, index % 7)) }),
  );
  await Promise.all(runs.map((run) => store.create(run)));
  return runs.map(({ id }) => id);
}

async function dueIds(harness: StoreHarness, now: Timestamp, place?: Place): Promise<string[]> {
  return (await dueRuns(harness, now, place)).map(({ id }) => id);
}

async function dueRuns(
  { store, settled }: StoreHarness,
  now: Timestamp,
  place: Place = "cloud",
): Promise<Run[]> {
  await settled();
  return Array.fromAsync(store.due(now, place));
}
