import { describe, expect, test } from "vitest";
import { move } from "../src/move.ts";
import { FINAL_STATES, isFinal } from "../src/run.ts";
import { isTransition, TRANSITIONS } from "../src/transitions.ts";
import { testApp } from "./fakes/app.ts";
import { runIn, STATES } from "./fakes/run-states.ts";

describe("the table of transitions", () => {
  test("leads out of every state that is not final, and out of no final one", () => {
    const sources = new Set(TRANSITIONS.map(([from]) => from));
    for (const state of Object.values(STATES)) {
      expect(sources.has(state.type)).toBe(!isFinal(state));
    }
    for (const state of FINAL_STATES) expect(sources.has(state)).toBe(false);
  });

  test("has no row twice", () => {
    const rows = TRANSITIONS.map((row) => row.join());
    expect(new Set(rows).size).toBe(rows.length);
  });

  test("knows how a run begins", () => {
    expect(isTransition(undefined, "create", STATES.scheduled)).toBe(true);
    expect(isTransition(undefined, "create", STATES.running)).toBe(false);
  });

  test("stops whoever tries what it does not allow", async () => {
    const { app } = testApp();
    await expect(
      move(app, runIn(STATES.failed), { event: "launch", next: STATES.launching }),
    ).rejects.toThrow('a run cannot go from failed by "launch" to launching');
  });
});
