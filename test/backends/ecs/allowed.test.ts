import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { covers } from "../../../src/backends/ecs/allowed.ts";
import { agentOptions } from "../../../src/backends/ecs/options.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { ecsAgent, ecsRun, openEcs } from "./steps.ts";

const ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/";

describe("an entry of task_definition_arns", () => {
  it.each([
    ["etl", "etl"],
    ["etl", "etl:3"],
    ["etl", `${ARN}etl:3`],
    ["etl:3", "etl:3"],
    ["etl-*", "etl-nightly:1"],
    ["etl-*", "etl-"],
    [`${ARN}etl`, `${ARN}etl:7`],
    [`${ARN}etl:7`, `${ARN}etl:7`],
    [`${ARN}etl-*`, `${ARN}etl-nightly`],
    [`${ARN}etl`, "etl:7"],
  ])("%s covers %s", (entry, definition) => {
    expect(covers(entry, definition)).toBe(true);
  });

  it.each([
    ["etl", "etl2"],
    ["etl", "et"],
    ["etl:3", "etl"],
    ["etl:3", "etl:31"],
    ["etl-*", "etl"],
    ["etl-*", "my-etl-x"],
    [`${ARN}etl`, "arn:aws:ecs:eu-west-1:999999999999:task-definition/etl:7"],
    ["etl", "a/b:etl:3"],
    ["etl", ""],
  ])("%s does not cover %s", (entry, definition) => {
    expect(covers(entry, definition)).toBe(false);
  });

  it.each(["*", "etl:*", "etl:x", "a b", "arn:aws:ecs:eu-west-1:1:task-definition/x", "etl*x"])(
    "is not %s",
    (entry) => {
      expect(agentOptions.safeParse({ task_definition_arns: [entry] }).success).toBe(false);
    },
  );
});

describe("a definition that a run names", () => {
  let fake: FakeEcs;
  beforeEach(async () => {
    fake = await fakeEcs();
    fake.definitions.push({
      taskDefinitionArn: "fam:3",
      revision: 3,
      status: "ACTIVE",
      family: "fam",
      containerDefinitions: [{ name: "flow", image: "a" }],
    });
  });
  afterEach(() => fake.close());

  const plan = (entries?: readonly string[]) => {
    const agent = ecsAgent(entries === undefined ? {} : { task_definition_arns: [...entries] });
    const run = ecsRun({ task_definition_arn: "fam:3" }, { flow: { storage: null } }, agent);
    return openEcs(fake, agent).plan(run);
  };

  it("may be any where the agent lists none, and otherwise one that it lists", async () => {
    for (const entries of [undefined, ["other", "fam"]]) {
      expect((await plan(entries)).launch["task_definition"]).toBe("fam:3");
    }
  });

  it.each([[[]], [["other", "fam:4"]]])(
    "is refused before AWS is asked when the agent lists %j",
    async (entries) => {
      await expect(plan(entries)).rejects.toMatchObject({
        code: "forbidden",
        message: expect.stringMatching(/task_definition_arns.*fam:3.*add it there/) as string,
        issues: [{ path: "run_config.task_definition_arn" }],
      });
      expect(fake.calls).toEqual([]);
    },
  );
});
