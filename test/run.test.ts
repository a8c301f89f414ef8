import { expect, test } from "vitest";
import { agentOf } from "../src/run.ts";
import { STATES } from "./fakes/run-states.ts";

test("a state names its agent if it has one", () => {
  expect(agentOf(STATES.running)).toBe("here");
  expect(agentOf(STATES.scheduled)).toBeUndefined();
});
