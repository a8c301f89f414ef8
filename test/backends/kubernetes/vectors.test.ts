import { describe, expect, it } from "vitest";
import { backend as module } from "../../../src/backends/kubernetes/index.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import type { PlanAnswer } from "../../../src/plan.ts";
import { parseYaml } from "../../../src/text/yaml.ts";
import { comparison, environmentMap, readVectors } from "../../compatibility/compare.ts";
import { type PlanVector, planVector } from "../../compatibility/plan-vector.ts";

interface KubernetesVector extends PlanVector {
  readonly files?: Readonly<Record<string, { readonly data?: JsonValue; readonly text?: string }>>;
  readonly environ?: Readonly<Record<string, string>>;
  readonly expect: {
    readonly calls: readonly { readonly namespace: string; readonly body: JsonObject }[];
  };
}

const recorded = comparison("kubernetes");
const vectors = readVectors<KubernetesVector>("kubernetes");

describe("Jobs of Kubernetes", () => {
  it("are recorded in 117 cases", () => {
    expect(vectors).toHaveLength(117);
  });

  it.each(vectors)("$name is as Prefect 1.4.1 has it", async (vector) => {
    const [call] = vector.expect.calls;
    const expected =
      call === undefined
        ? { refused: true }
        : { namespace: call.namespace, job: comparable(call.body) };
    const answer = await planVector(vector, {
      module,
      world: { env: vector.environ ?? {}, readTemplate: async (uri) => fileOf(vector, uri) },
    });
    recorded.compare(vector.name, expected, outcomeOf(answer));
  });
});

function outcomeOf(answer: PlanAnswer): JsonObject {
  if (!answer.ok) {
    expect(answer.error.code, answer.error.message).not.toBe("internal");
    return { refused: true };
  }
  const { namespace, job } = answer.launch as { namespace: string; job: JsonObject };
  return { namespace, job: comparable(job) };
}

/** A manifest whose variables are a map: their order carries no meaning. */
function comparable(job: JsonObject): JsonObject {
  const copy = structuredClone(job) as {
    spec: { template: { spec: { containers: { env?: unknown }[] } } };
  };
  for (const container of copy.spec.template.spec.containers) {
    if (container.env !== undefined) container.env = environmentMap(container.env);
  }
  return copy as unknown as JsonObject;
}

function fileOf({ files = {} }: KubernetesVector, uri: string): JsonValue {
  const file = files[uri] ?? files[uri.replace(/^agent:\/\//, "")];
  if (file === undefined) throw new PermanentError("template", `${uri} cannot be read`);
  return file.text === undefined ? (file.data ?? null) : parseYaml(file.text, uri);
}
