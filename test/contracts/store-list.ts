import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import { agentOf, type Run } from "../../src/run.ts";
import type { NewRun, RunQuery } from "../../src/store.ts";
import { plus, type Timestamp } from "../../src/time.ts";
import { type StoreHarness, type StoreTraits, withStore } from "./store-harness.ts";
import { launching, newRun, newRunId, submitted, succeeded, waiting } from "./store-samples.ts";

/** More pages than any of these lists has, even if some are empty. */
const ENOUGH_PAGES = 500;

export function lists(current: () => StoreHarness, traits: StoreTraits): void {
  const at = (msAgo: number): Timestamp => plus(traits.now, -msAgo);

  describe("list", () => {
    it("is empty where nothing was created", async () => {
      expect(await listAll(current(), {})).toStrictEqual([]);
    });

    it("lists the newest first", async () => {
      const { store } = current();
      const ages = [3_000, 1, 7_200_000, 0, 60_000];
      for (const age of ages) await store.create(newRun({ createdAt: at(age) }));

      const runs = await listAll(current(), {});

      expect(runs.map(({ createdAt }) => createdAt)).toStrictEqual(
        [...ages].sort((a, b) => a - b).map(at),
      );
    });

    it("lists heads as `get` returns them, good for a transition", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ createdAt: at(0) }));
      const moved = await store.transition(run, submitted(1), { now: at(0) });

      const [head] = await listAll(current(), {});

      expect(head).toStrictEqual(moved);
      expect((await store.transition(head ?? run, succeeded(), { now: at(0) }))?.revision).toBe(3);
    });

    it("lists at most 50 runs a page unless asked for more", async () => {
      const { store } = current();
      await Promise.all(
        Array.from({ length: 60 }, (_, age) => store.create(newRun({ createdAt: at(age) }))),
      );

      for (const query of [{}, { limit: 7 }, { limit: 55 }]) {
        const pages = await pagesOf(current(), query);
        expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(
          query.limit ?? 50,
        );
        expect(pages.flat()).toHaveLength(60);
      }
    });

    it("goes on where the page before has ended, whatever is created meanwhile", async () => {
      const { store, settled } = current();
      const ids: string[] = [];
      for (let age = 1; age <= 12; age++) {
        ids.push((await store.create(newRun({ createdAt: at(age * 1_000) }))).run.id);
      }
      await settled();
      const first = await store.list({ limit: 5 });
      await store.create(newRun({ createdAt: at(0) }));

      const rest = await listAll(current(), { limit: 5, ...cursorOf(first.next) });

      expect([...first.items, ...rest].map(({ id }) => id)).toStrictEqual(ids);
    });

    it("lists runs of one millisecond each once", async () => {
      const { store } = current();
      const ids = Array.from({ length: 20 }, () => newRunId());
      for (const id of ids) await store.create(newRun({ id, createdAt: at(0) }));

      const listed = (await listAll(current(), { limit: 3 })).map(({ id }) => id);

      expect(listed.sort()).toStrictEqual(ids.sort());
    });

    it.each([
      ["an underscore", "a_b", ["a_b", "a_bc"]],
      ["a percent sign", "a%", ["a%b"]],
      ["a backslash", "a\\", ["a\\b"]],
      ["an asterisk", "*", ["*"]],
      ["a capital letter", "A", ["Axb"]],
      ["a letter within", "x", []],
      ["a quote", "'", ["' OR 1 --"]],
    ])("searches by the exact start of a name: %s", async (_, search, expected) => {
      const { store } = current();
      const all = ["a_b", "a_bc", "axb", "Axb", "a%b", "a\\b", "*", "' OR 1 --"];
      for (const name of all) await store.create(newRun({ name, createdAt: at(0) }));

      const found = await listAll(current(), { search });

      expect(found.map(({ name }) => name).sort()).toStrictEqual([...expected].sort());
    });

    it("searches by the start of an id too", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ name: "otter", createdAt: at(0) }));
      await store.create(newRun({ name: "badger", createdAt: at(0) }));

      expect(await listAll(current(), { search: run.id })).toStrictEqual([run]);
    });

    it("tells the agent a run has now from the one it had", async () => {
      const { store } = current();
      const { run } = await store.create(newRun({ state: launching(1), createdAt: at(0) }));
      expect(await listAll(current(), { agent: "prod" })).toHaveLength(1);

      await store.transition(run, waiting(at(0)), { now: at(0) });

      expect(await listAll(current(), { agent: "prod" })).toStrictEqual([]);
    });

    it.each(["", "bm9uc2Vuc2U", "%%%", "W10", "WzEsMl0"])(
      "refuses a cursor it has not made: %j",
      async (cursor) => {
        const error: unknown = await current()
          .store.list({ cursor })
          .catch((thrown: unknown) => thrown);

        expect(error).toBeInstanceOf(PermanentError);
        expect(error).toMatchObject({ code: "invalid" });
      },
    );

    it("lists exactly the runs for which all filters hold, each once, newest first", async () => {
      await fc.assert(
        fc.asyncProperty(samples(at), queries(at), async (runs, asked) => {
          await withStore(traits, async (harness) => {
            for (const run of runs) await harness.store.create(run);
            for (const query of asked) {
              const pages = await pagesOf(harness, query);
              const listed = pages.flat();
              const times = listed.map(({ createdAt }) => createdAt);

              expect(listed.map(({ id }) => id).sort()).toStrictEqual(matching(runs, query));
              expect(times).toStrictEqual(times.toSorted().toReversed());
              for (const page of pages) expect(page.length).toBeLessThanOrEqual(query.limit ?? 50);
            }
          });
        }),
        { numRuns: Math.ceil(traits.cases / 2) },
      );
    });
  });
}

const FLOWS = ["nightly-load", "Nightly", "nightly-load-2"];
const LABELS = ["prod", "gpu", "pro", "größe"];
const NAMES = ["brave-otter", "brave_otter", "bravo", "Brave", "b", "größe"];
/** How long ago runs were made, and lists begin. */
const AGES = [0, 1, 2, 1_000, 3_600_000, 3_600_001, 18_000_000];
const STATES = [waiting("2026-01-01T00:00:00.000Z"), launching(1), submitted(1), succeeded()];

function samples(at: (msAgo: number) => Timestamp): fc.Arbitrary<NewRun[]> {
  const run = fc.record({
    name: fc.constantFrom(...NAMES),
    flow: fc.constantFrom(...FLOWS).map((name) => ({ name })),
    labels: fc.subarray(LABELS),
    state: fc.constantFrom(...STATES),
    // Few enough for some runs to be made in the same millisecond, and in different hours.
    createdAt: fc.constantFrom(...AGES).map(at),
  });
  return fc.array(run.map(newRun), { maxLength: 40 });
}

const queries = (at: (msAgo: number) => Timestamp): fc.Arbitrary<RunQuery[]> =>
  fc.array(query(at), { minLength: 1, maxLength: 8 });

const query = (at: (msAgo: number) => Timestamp): fc.Arbitrary<RunQuery> =>
  fc.record(
    {
      flow: fc.constantFrom(...FLOWS, "nightly"),
      state: fc.constantFrom("waiting", "launching", "submitted", "succeeded", "failed"),
      agent: fc.constantFrom("prod", "pro"),
      label: fc.constantFrom(...LABELS, "p"),
      search: fc.constantFrom("b", "brav", "brave_", "B", "gr", "run-", "", "zzz"),
      before: fc.constantFrom(...AGES, -1, 36_000_000).map(at),
      limit: fc.integer({ min: 1, max: 12 }),
    },
    { requiredKeys: [], noNullPrototype: true },
  );

/** What a list must hold, said in the plainest way. */
function matching(runs: readonly NewRun[], query: RunQuery): string[] {
  const holds = (run: NewRun): boolean =>
    (query.flow === undefined || run.flow.name === query.flow) &&
    (query.state === undefined || run.state.type === query.state) &&
    (query.agent === undefined || agentOf(run.state) === query.agent) &&
    (query.label === undefined || run.labels.includes(query.label)) &&
    (query.before === undefined || run.createdAt < query.before) &&
    (query.search === undefined ||
      run.name.startsWith(query.search) ||
      run.id.startsWith(query.search));
  return runs
    .filter(holds)
    .map(({ id }) => id)
    .sort();
}

async function listAll(harness: StoreHarness, query: RunQuery): Promise<Run[]> {
  return (await pagesOf(harness, query)).flat();
}

/** A page may be short, or empty, and still be followed by another one. */
async function pagesOf(
  { store, settled }: StoreHarness,
  query: RunQuery,
): Promise<(readonly Run[])[]> {
  await settled();
  const pages: (readonly Run[])[] = [];
  let cursor = query.cursor;
  while (pages.length < ENOUGH_PAGES) {
    const page = await store.list({ ...query, ...cursorOf(cursor) });
    pages.push(page.items);
    if (page.next === undefined) return pages;
    cursor = page.next;
  }
  throw new Error(`the list of ${JSON.stringify(query)} does not end`);
}

function cursorOf(cursor: string | undefined): Pick<RunQuery, "cursor"> {
  return cursor === undefined ? {} : { cursor };
}
