import * as fc from "fast-check";
import { expect, it } from "vitest";
import { abandon } from "../../src/abandon.ts";
import { dispatch } from "../../src/dispatch.ts";
import type { RunStore } from "../../src/store.ts";
import { testApp } from "../fakes/app.ts";

/** What the head of a run takes at most in JSON, beside its labels. */
const MOST_BYTES = 4_096;
/** What the labels of a run take at most: 50 of 255 characters, each of them six bytes in JSON. */
const MOST_LABEL_BYTES = 50 * (255 * 6 + 3) + 2;

/**
 * The bodies of messages, up to 1 MiB, have whatever is in them: their runs are stored, say why they do not go
 * on, and have a small head.
 */
export function smallHeads(open: () => RunStore, cases: number): void {
  it("stores a run of any body with its reason and a small head", async () => {
    await fc.assert(
      fc.asyncProperty(bodies, fc.boolean(), async (body, dead) => {
        const t = testApp({ store: open() });
        t.setAgents({ name: "prod", labels: ["prod"] });
        const id = `m-${process.pid}-${(made += 1)}`;

        await (dead ? abandon : dispatch)(t.app, {
          id,
          body: JSON.stringify({ ...body, run_id: id }),
        });

        const run = await t.app.store.get(id);
        if (run === undefined) throw new Error(`nothing is stored of ${id}`);
        const { state, labels } = run;
        const reason = "cause" in state ? state.cause.message : "message" in state && state.message;
        expect(reason).toMatch(
          /no agent takes|is not valid|is registered|to store, expected|every delivery/,
        );
        expect(bytes({ ...run, labels: [] })).toBeLessThanOrEqual(MOST_BYTES);
        expect(bytes(labels)).toBeLessThanOrEqual(MOST_LABEL_BYTES);
        expect((await t.app.store.body(id))?.received).toBeDefined();
      }),
      { numRuns: cases, examples: EXAMPLES.map((body) => [body, false] as [object, boolean]) },
    );
  }, 120_000);
}

let made = 0;

const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

const FLOW = { name: "f", command: "true" };
const many = <T>(count: number, value: (index: number) => T) =>
  Array.from({ length: count }, (_, i) => value(i));

/** Bodies that have once made heads no store takes. */
const EXAMPLES: readonly object[] = [
  { flow: FLOW, labels: many(8_000, (index) => `label-${index}`) },
  { flow: FLOW, labels: many(50, () => "\u0001".repeat(255)) },
  { flow: FLOW, labels: many(9_000, () => 1) },
  {
    flow: FLOW,
    run_config: { type: "LocalRun", env: Object.fromEntries(many(9_000, (i) => [`E_${i}`, {}])) },
  },
  { flow: FLOW, run_config: { type: "LocalRun", env: { ["E\u0001".repeat(400_000 / 7)]: {} } } },
  { flow: { name: "\u0001".repeat(170_000) } },
  { flow: "x".repeat(1_000_000) },
  { flow: { ...FLOW, name: "日".repeat(400) }, name: "日".repeat(400), labels: ["x"] },
  { flow: FLOW, parameters: { text: "x".repeat(1_000_000) } },
  { flow: { ...FLOW, ["k".repeat(1_000_000)]: 1 }, labels: 3 },
];

const words = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc
    .tuple(fc.constantFrom("x", "\u0001", "\ud800", "日", '"'), fc.nat(100_000))
    .map(([letter, times]) => letter.repeat(times)),
);
const wrong = fc.oneof(words, fc.jsonValue({ maxDepth: 2 }), fc.array(words, { maxLength: 80 }));

/** A body with something anywhere that may be wrong or long. */
const bodies: fc.Arbitrary<object> = fc
  .record(
    {
      flow: fc.oneof(
        words,
        fc.record({ name: words, command: words, run_config: wrong }),
        fc.constant(FLOW),
      ),
      name: words,
      labels: wrong,
      run_config: fc.oneof(
        wrong,
        fc.record({ type: fc.constant("ECSRun"), labels: wrong, cpu: wrong }),
      ),
      parameters: wrong,
      scheduled_start_time: fc.constantFrom(undefined, null, "never"),
    },
    { requiredKeys: ["flow"] },
  )
  .filter((body) => bytes(body) <= 1_000_000);
