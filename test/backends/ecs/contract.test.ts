import { randomUUID } from "node:crypto";
import type { World } from "../../../src/backend.ts";
import { backend as ecs } from "../../../src/backends/ecs/index.ts";
import { type BackendHarness, backendContract } from "../../contracts/backend.ts";
import { testAgent } from "../../contracts/request.ts";
import { fakeEcs } from "../../fakes/ecs.ts";
import { testWorld } from "../../fakes/world.ts";

const options = { log_group: "/sluice/flows" };
const agent = { name: "prod", backend: "ecs", options };
const flow = {
  name: "nightly-load",
  storage: { type: "Docker", image_name: "etl", image_tag: "1" },
};

backendContract("ecs", {
  once: "always",
  logs: true,
  installations: true,
  open: async (): Promise<BackendHarness> => {
    const fake = await fakeEcs();
    const known = new Map<string, Promise<string>>();
    const world: Partial<World> = {
      env: fake.env,
      now: fake.now,
      once: (key, make) => {
        const value = known.get(key) ?? make();
        known.set(key, value);
        return value;
      },
    };
    const open = (more: Partial<World> = {}) =>
      ecs.open(testAgent(agent), testWorld({ ...world, ...more }));
    const config = { type: "ECSRun", backend: "ecs" };
    const base = { agent, flow };
    return {
      backend: open(),
      reopen: () => open(),
      openFor: (installation) => open({ installation }),
      succeeds: { ...base, command: ["exit", "0"] },
      fails: { ...base, command: ["exit", "3"] },
      runs: { ...base, command: ["sleep"] },
      writes: {
        request: { ...base, command: ["print", "one", "two", "three"] },
        lines: ["one", "two", "three"],
      },
      refused: {
        "a size Fargate does not have": {
          ...base,
          config: { ...config, options: { cpu: "1024", memory: "1024" } },
        },
        "variables that are too large": { ...base, env: { LARGE: "x".repeat(8_192) } },
        "a token of its own": {
          ...base,
          config: { ...config, options: { run_task_kwargs: { clientToken: "mine" } } },
        },
        "a cluster that does not exist": {
          ...base,
          config: { ...config, options: { run_task_kwargs: { cluster: "nowhere" } } },
        },
        "a definition without the flow's container": {
          agent,
          config: { ...config, options: { task_definition_arn: "missing:1" } },
        },
      },
      unknown: {
        backend: "ecs",
        id: "arn:aws:ecs:us-east-1:123456789012:task/default/ffffffffffffffffffffffffffffffff",
        ref: {
          region: "us-east-1",
          cluster: "default",
          task: "arn:aws:ecs:us-east-1:123456789012:task/default/ffffffffffffffffffffffffffffffff",
          container: "flow",
          startedBy: `sluice/${randomUUID()}/1`,
        },
      },
      started: () => fake.tasks.length,
      tick: fake.tick,
      close: fake.close,
    };
  },
});
