import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PermanentError } from "../../src/errors.ts";
import type { Run } from "../../src/run.ts";
import { MAX_BODY_BYTES, type NewRun } from "../../src/store.ts";
import { plus } from "../../src/time.ts";
import { bodies, names, states } from "./store-arbitraries.ts";
import type { StoreHarness, StoreTraits } from "./store-harness.ts";
import { launching, newRun, newRunId, START, succeeded } from "./store-samples.ts";

const CROWD = 50;

export function creates(current: () => StoreHarness, traits: StoreTraits): void {
  describe("create", () => {
    it("stores a run as it is given, in its first revision", async () => {
      const { store, reopen } = current();
      const { body, ...given } = newRun();

      const { run, created } = await store.create({ ...given, body });

      expect(created).toBe(true);
      expect(run).toStrictEqual({ ...given, since: START, launches: 0, revision: 1 });
      expect(await reopen().get(run.id)).toStrictEqual(run);
      expect(await reopen().body(run.id)).toStrictEqual(body);
    });

    it("counts the launch of a run that is launched at once", async () => {
      const { run } = await current().store.create(newRun({ state: launching(1) }));

      expect(run.launches).toBe(1);
    });

    it("returns what is stored when the id is known, and changes nothing", async () => {
      const { store, reopen } = current();
      const first = newRun({ body: { received: "first" } });
      await store.create(first);
      const other = newRun({ id: first.id, name: "other", body: { received: "second" } });

      const { run, created } = await reopen().create(other);

      expect(created).toBe(false);
      expect(run).toStrictEqual(await store.get(first.id));
      expect(run.name).toBe(first.name);
      expect(await store.body(first.id)).toStrictEqual({ received: "first" });
    });

    it("does not take a run back to its first state", async () => {
      const { store } = current();
      const first = newRun();
      const { run } = await store.create(first);
      const moved = await store.transition(run, succeeded(), { now: plus(START, 5_000) });

      expect(await store.create(first)).toStrictEqual({ run: moved, created: false });
      expect(await store.get(first.id)).toStrictEqual(moved);
    });

    it(`stores one of ${CROWD} runs that are created with one id at the same time`, async () => {
      const { store, reopen } = current();
      const other = reopen();
      const id = newRunId();
      const crowd = Array.from({ length: CROWD }, (_, index) =>
        newRun({ id, name: `name-${index}`, body: { received: `name-${index}` } }),
      );

      const answers = await Promise.all(
        crowd.map((run, index) => (index % 2 === 0 ? store : other).create(run)),
      );

      const winner = answers.find(({ created }) => created)?.run;
      expect(answers.filter(({ created }) => created)).toHaveLength(1);
      for (const { run } of answers) expect(run).toStrictEqual(winner);
      expect(await store.get(id)).toStrictEqual(winner);
      expect(await store.body(id)).toStrictEqual({ received: winner?.name });
    });

    it("stores runs of different ids side by side", async () => {
      const { store } = current();
      const runs = Array.from({ length: CROWD }, () => newRun());

      const answers = await Promise.all(runs.map((run) => store.create(run)));

      expect(answers.every(({ created }) => created)).toBe(true);
      for (const { id, name } of runs) expect(await store.get(id)).toMatchObject({ id, name });
    });

    it("keeps a body of the largest size", async () => {
      const { store } = current();
      const run = newRun({ body: bodyOf(MAX_BODY_BYTES, "a") });

      await store.create(run);

      expect(await store.body(run.id)).toStrictEqual(run.body);
    });

    it.each(["a", "é", "🦦"])(
      "refuses a body over the limit, counted in bytes: %s",
      async (letter) => {
        const { store } = current();
        const run = newRun({ body: bodyOf(MAX_BODY_BYTES + 4, letter) });

        const error: unknown = await store.create(run).catch((thrown: unknown) => thrown);

        expect(error).toBeInstanceOf(PermanentError);
        expect(error).toMatchObject({ code: "too_large" });
        expect(await store.get(run.id)).toBeUndefined();
        expect(await store.body(run.id)).toBeUndefined();
      },
    );

    it("keeps whatever JSON can say in head and body", async () => {
      const { store, reopen } = current();
      const parts = fc.record(
        { state: states, body: bodies, name: names, labels: fc.array(names, { maxLength: 3 }) },
        { noNullPrototype: true },
      );
      await fc.assert(
        fc.asyncProperty(parts, async (given) => {
          const { body, ...head } = newRun(given);

          const { run } = await store.create({ ...head, body });

          expect(run).toStrictEqual({
            ...head,
            since: START,
            launches: launchIn(run),
            revision: 1,
          });
          expect(await reopen().get(run.id)).toStrictEqual(run);
          expect(await reopen().body(run.id)).toStrictEqual(body);
        }),
        { numRuns: traits.cases },
      );
    });
  });
}

function launchIn({ state }: Run): number {
  return ("launch" in state ? state.launch : undefined) ?? 0;
}

/** A body that takes `bytes` bytes as JSON, or up to three less. */
function bodyOf(bytes: number, letter: string): NewRun["body"] {
  const frame = Buffer.byteLength(JSON.stringify({ received: "" }));
  const times = Math.floor((bytes - frame) / Buffer.byteLength(letter));
  return { received: letter.repeat(times) };
}
