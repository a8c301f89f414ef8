import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backend as module } from "../../../src/backends/kubernetes/index.ts";
import { agentOptions, runOptions } from "../../../src/backends/kubernetes/options.ts";
import { parseConfig } from "../../../src/config.ts";
import { plan } from "../../../src/plan.ts";
import { parseYaml } from "../../../src/text/yaml.ts";
import { kubeconfigFor } from "../../fakes/kubernetes.ts";
import { testWorld } from "../../fakes/world.ts";

const root = new URL("../../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

describe("the examples for Kubernetes", () => {
  const config = parseYaml(read("examples/kubernetes/sluice.yml"), "sluice.yml");
  const agents = parseConfig(config, () => module.agentOptions);

  it.each(["kubernetes.yml", "kubernetes/flow-runner.json"])(
    "can be launched: %s",
    async (name) => {
      const secret = async () => kubeconfigFor("https://cluster.test");
      const app = {
        agents,
        agentFrom: async () => Promise.reject(new Error("no agent in the message")),
        backend: async (agent: (typeof agents)[number]) =>
          module.open(agent, testWorld({ secret })),
        registry: { flow: async () => undefined },
        newId: () => "00000000-0000-4000-8000-000000000000",
      };
      const request = parseYaml(read(`examples/${name}`), name);
      expect(await plan(app, request)).toMatchObject({
        ok: true,
        agent: "cluster",
        warnings: [],
        launch: { namespace: "flows" },
      });
    },
  );
});

describe("the page about Kubernetes", () => {
  const page = read("docs/backends/kubernetes.md");

  it.each([...Object.keys(agentOptions.shape), ...Object.keys(runOptions.shape)])(
    "tells the option %s",
    (option) => {
      expect(page).toContain(`\`${option}\``);
    },
  );
});
