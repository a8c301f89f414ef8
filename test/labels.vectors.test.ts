import { describe, expect, it } from "vitest";
import { PREFECT_DEFAULTS, verdict } from "../src/agent.ts";
import type { JsonObject } from "../src/json.ts";
import { parseMessage } from "../src/message.ts";
import { resolveRequest } from "../src/request.ts";
import { parseRunConfig } from "../src/run-config/index.ts";
import { serializeRunConfig } from "../src/run-config/serialize.ts";
import { comparison, readVectors } from "./compatibility/compare.ts";

interface MatchVector {
  readonly name: string;
  readonly op: "match";
  readonly agent: { readonly labels: readonly string[] };
  readonly run: { readonly labels: readonly string[] };
  readonly expect: { readonly match: boolean };
}

interface EffectiveVector {
  readonly name: string;
  readonly op: "effective";
  readonly run: {
    readonly labels: readonly string[] | null;
    readonly run_config: JsonObject | null;
  };
  readonly flow: {
    readonly run_config: JsonObject | null;
    readonly environment: JsonObject | null;
  };
  readonly expect: { readonly labels: readonly string[]; readonly run_config: JsonObject | null };
}

type Vector = MatchVector | EffectiveVector | { readonly name: string; readonly op: "queue" };

const recorded = comparison("labels");
const vectors = readVectors<Vector>("labels");
const matching = vectors.filter((vector) => vector.op === "match");
const effective = vectors.filter((vector) => vector.op === "effective");

describe("labels", () => {
  it("are recorded in 62 cases of matching, 10 of choosing and 4 of Prefect's own queue", () => {
    expect([matching.length, effective.length, vectors.length]).toEqual([62, 10, 76]);
  });

  it.each(matching)("$name is matched as by Prefect", ({ name, agent, run, expect }) => {
    const options = {
      backend: "local",
      env: {},
      templates: [],
      allow: [],
      remote: false,
      options: {},
    };
    const asked = { ...options, name: "one", labels: agent.labels, prefect: PREFECT_DEFAULTS };
    const { takes } = verdict(asked, { backend: "any", labels: run.labels });
    recorded.compare(name, expect, { match: takes });
  });

  it.each(effective)("$name is chosen as by Prefect", (vector) => {
    const { labels, run_config } = vector.expect;
    recorded.compare(vector.name, { labels, run_config: normal(run_config) }, chosen(vector));
  });
});

function chosen({ name, run, flow }: EffectiveVector): JsonObject {
  const parsed = parseMessage({ ...run, flow: { name, id: "f", ...flow } });
  if (!parsed.ok || parsed.type === "reference") throw new Error(JSON.stringify(parsed));
  if (parsed.message.flow.type !== "inline") throw new Error("expected a flow");
  const { request } = resolveRequest(parsed.message, parsed.message.flow.flow);
  return { labels: request.labels, run_config: normal(request.runConfig) };
}

/** Run configs compare in full; none at all stands for a UniversalRun. */
function normal(runConfig: JsonObject | null): JsonObject {
  const parsed = parseRunConfig(runConfig ?? { type: "UniversalRun" });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return serializeRunConfig(parsed.config);
}
