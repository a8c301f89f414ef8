import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dispatch } from "../../../src/dispatch.ts";
import type { Run } from "../../../src/run.ts";
import { testApp } from "../../fakes/app.ts";
import { openWorld, type VertexWorld } from "./world.ts";

/** Where an answer is lost: before Vertex AI did anything, or after it created the job. */
const LOST = ["before", "after"] as const;

describe("a run whose creation was not answered", () => {
  let world: VertexWorld;
  beforeEach(async () => {
    world = await openWorld("rest");
  });
  afterEach(() => world.close());

  /** Dispatches a run and goes on with it, as ticks do, until it has a job. */
  async function untilSubmitted(): Promise<Run> {
    const { app, setAgents } = testApp({
      backend: async () => world.open(),
      now: world.service.now,
    });
    setAgents(world.agent);
    const flow = { name: "etl", command: ["true"] };
    const run_config = { type: "VertexRun", image: "fake/runs" };
    await dispatch(app, { id: "m", body: JSON.stringify({ run_id: "r", flow, run_config }) });
    for (let ticks = 0; ticks < 30; ticks++) {
      const run = await app.store.get("r");
      if (run?.state.type !== "launching") return run as Run;
      world.service.advance(5_000);
      await dispatch(app, { id: "m", body: '{"run_id":"r"}' });
    }
    throw new Error("no job after 150 seconds");
  }

  describe.each([0, 4_000, 19_000, 35_000])("while new jobs show in lists after %i ms", (lag) => {
    it.each(LOST)("has one job in the end, when it got lost %s", async (when) => {
      world.service.setListLag(lag);
      world.service.fault({ method: "CreateCustomJob", when, answer: "drop" });
      const run = await untilSubmitted();
      expect(run.state).toMatchObject({
        type: "submitted",
        launch: 1,
        job: { id: world.service.jobs()[0]?.name },
      });
      expect(world.service.jobs()).toHaveLength(1);
    });
  });

  it("is looked for twice, and a third time before it is created again", async () => {
    world.service.fault({ method: "CreateCustomJob", when: "before", answer: "drop" });
    await untilSubmitted();
    expect(world.service.calls).toEqual([
      "CreateCustomJob",
      "ListCustomJobs",
      "ListCustomJobs",
      "ListCustomJobs",
      "CreateCustomJob",
    ]);
    expect(world.slept()).toBe(20_000);
  });
});
