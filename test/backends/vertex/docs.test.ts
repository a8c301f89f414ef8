import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Agent } from "../../../src/agent.ts";
import { backend } from "../../../src/backends/vertex/index.ts";
import { agentOptions, runOptions } from "../../../src/backends/vertex/options.ts";
import { JOB_STATES } from "../../../src/backends/vertex/status.ts";
import { parseConfig } from "../../../src/config.ts";
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import { type PlanAnswer, plan } from "../../../src/plan.ts";
import { testWorld } from "../../fakes/world.ts";

const repository = new URL("../../../", import.meta.url);
const read = (path: string) => readFile(new URL(path, repository), "utf8");

describe("the page of the backend vertex", () => {
  it("tells every option and every state", async () => {
    const page = await read("docs/backends/vertex.md");
    const keys = [...Object.keys(agentOptions.shape), ...Object.keys(runOptions.shape)];
    expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
    const states = JOB_STATES.map((state) => state.replace("JOB_STATE_", "")).slice(1);
    expect(states.filter((state) => !page.includes(`\`${state}\``))).toEqual([]);
  });

  it("shows the run of the example", async () => {
    const [, ...example] = (await read("examples/vertex.yml")).trim().split("\n");
    expect(await read("docs/backends/vertex.md")).toContain(example.join("\n"));
  });
});

describe("the example of the backend vertex", () => {
  async function planned(message: JsonValue): Promise<PlanAnswer> {
    const config: unknown = parse(await read("examples/vertex/sluice.yml"));
    const app = {
      agents: parseConfig(config, () => backend.agentOptions),
      agentFrom: async () => {
        throw new Error("the example brings no agent of its own");
      },
      backend: async (agent: Agent) => backend.open(agent, testWorld()),
      registry: { flow: async () => undefined },
      newId: () => "run-1",
    };
    return plan(app, message);
  }

  it("can be planned without a warning, and shows no secret", async () => {
    const answer = await planned(parse(await read("examples/vertex.yml")) as JsonValue);
    expect(answer).toMatchObject({ ok: true, agent: "training", warnings: [] });
    expect(JSON.stringify(answer)).toMatch(/"name":"DATABASE_PASSWORD","value":"\*\*\*"/);
  });

  it("is what the sample event asks for", async () => {
    const event = JSON.parse(await read("events/dispatch.vertex.json")) as {
      Records: [{ body: string }];
    };
    const { run_id: runId, ...request } = JSON.parse(event.Records[0].body) as JsonObject;
    expect(request).toEqual(parse(await read("examples/vertex.yml")));
    expect(await planned({ run_id: runId, ...request })).toMatchObject({ ok: true });
  });
});
