import { describe, expect, it } from "vitest";
import { noCredentials } from "../../../src/backends/vertex/credentials.ts";
import { backend, vertexBackend } from "../../../src/backends/vertex/index.ts";
import { consoleUrl, regionOf } from "../../../src/backends/vertex/job.ts";
import { addressOf } from "../../../src/backends/vertex/regions.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { PlanAnswer } from "../../../src/plan.ts";
import { comparison, environmentMap, readVectors } from "../../compatibility/compare.ts";
import { type PlanVector, planVector } from "../../compatibility/plan-vector.ts";

interface VertexVector extends Omit<PlanVector, "expect"> {
  readonly default_project?: string | null;
  readonly job_name: string;
  readonly expect: {
    readonly calls: readonly { readonly kwargs: JsonObject }[];
    readonly endpoint?: string;
    readonly result?: string;
    readonly error?: { readonly mentions?: readonly string[] };
  };
}

/** Credentials that name no project; the ambient one of a vector stands in the environment. */
const module = {
  ...backend,
  open: (...[agent, world]: Parameters<typeof backend.open>) =>
    vertexBackend(agent, world, { credentials: noCredentials }),
};

const recorded = comparison("vertex");
const vectors = readVectors<VertexVector>("vertex");

describe("custom jobs of Vertex AI", () => {
  it("are recorded in 70 cases", () => {
    expect(vectors).toHaveLength(70);
  });

  it.each(vectors)("$name is as Prefect 1.4.1 has it", async (vector) => {
    const { default_project: project, expect: wanted } = vector;
    const env = typeof project === "string" ? { GOOGLE_CLOUD_PROJECT: project } : {};
    const answer = await planVector({ ...vector, expect: {} }, { module, world: { env } });
    const mentions = wanted.error?.mentions ?? [];
    const expected =
      wanted.error === undefined
        ? {
            launch: comparable(wanted.calls[0]?.kwargs as JsonObject),
            endpoint: wanted.endpoint,
            result: wanted.result,
          }
        : { refused: true, mentions };
    recorded.compare(vector.name, expected, outcomeOf(answer, vector.job_name, mentions));
  });
});

function outcomeOf(answer: PlanAnswer, jobName: string, mentions: readonly string[]): unknown {
  if (answer.ok) return { launch: comparable(answer.launch), ...reported(answer.launch, jobName) };
  const { code, message } = answer.error;
  expect(code, message).not.toBe("internal");
  return { refused: true, mentions: mentions.filter((word) => message.includes(word)) };
}

function reported(launch: JsonObject, jobName: string) {
  const region = regionOf(String(launch["parent"]));
  return { endpoint: addressOf(undefined, region).host, result: consoleUrl(jobName) };
}

/** Variables as a map: their order carries no meaning. */
function comparable(launch: JsonObject): unknown {
  const copy = structuredClone(launch) as unknown as {
    custom_job: { job_spec: { worker_pool_specs: { container_spec: { env: unknown } }[] } };
  };
  const container = copy.custom_job.job_spec.worker_pool_specs[0]?.container_spec;
  if (container !== undefined) container.env = environmentMap(container.env);
  return copy;
}
