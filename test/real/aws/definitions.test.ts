import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import type { App } from "../../../src/app.ts";
import { dispatch } from "../../../src/dispatch.ts";
import { dynamoRegistry } from "../../../src/stores/dynamodb/flows.ts";
import { dynamoStore } from "../../../src/stores/dynamodb/runs.ts";
import { ecsAgent, openEcs } from "../../backends/ecs/steps.ts";
import { testApp } from "../../fakes/app.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { createTable, type TestTable } from "./table.ts";

/** What a process holds goes with it; the table and ECS stay. */
describe("task definitions of runs that many processes dispatch at the same time", () => {
  let fake: FakeEcs;
  let table: TestTable;
  beforeEach(async () => {
    [fake, table] = await Promise.all([fakeEcs(), createTable(inject("dynamodb"))]);
  });
  afterEach(async () => {
    await Promise.all([fake.close(), table.remove()]);
  });

  /** An app as a process that has just started opens it: with a memory and clients of its own. */
  function coldStart(): App {
    const agent = ecsAgent();
    const own = table.open();
    const options = {
      now: () => new Date(),
      newId: randomUUID,
      random: Math.random,
      sleep: (ms: number) => sleep(ms),
    };
    const registry = dynamoRegistry(own, options);
    const backend = openEcs(fake, agent, { once: registry.once });
    return testApp({
      agents: [agent],
      backend: async () => backend,
      store: dynamoStore(own, options),
      registry,
      newId: randomUUID,
    }).app;
  }

  function message(id: string) {
    const storage = { type: "Docker", image_name: "etl", image_tag: "1" };
    const flow = { name: "nightly-load", version: 3, command: "python load.py", storage };
    const body = { run_id: id, flow, run_config: { type: "ECSRun" }, parameters: { id } };
    return { id: `message-${id}`, body: JSON.stringify(body) };
  }

  it("are registered once for all, and not at all after a cold start", async () => {
    const apps = Array.from({ length: 5 }, coldStart);
    const ids = Array.from({ length: 50 }, (_, index) => `run-${index}`);
    await Promise.all(
      ids.map((id, index) => dispatch(apps[index % apps.length] as App, message(id))),
    );
    expect(fake.count("RegisterTaskDefinition")).toBe(1);
    expect(fake.tasks).toHaveLength(50);
    const marks = new Set(fake.tasks.map(({ view }) => view.startedBy));
    expect(marks).toEqual(new Set(ids.map((id) => `sluice/${id}/1`)));
    const used = new Set(fake.tasks.map(({ view }) => view.taskDefinitionArn));
    expect([...used]).toEqual([fake.definitions[0]?.taskDefinitionArn]);

    fake.calls.length = 0;
    const fresh = coldStart();
    await dispatch(fresh, message("late"));
    expect((await fresh.store.get("late"))?.state.type).toBe("submitted");
    expect(fake.calls.filter((call) => call.includes("TaskDefinition"))).toEqual([]);
  });
});
