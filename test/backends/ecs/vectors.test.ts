import { describe, expect, it } from "vitest";
import { backend as module } from "../../../src/backends/ecs/index.ts";
import { mergeRunTask } from "../../../src/backends/ecs/merge.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/json.ts";
import type { PlanAnswer } from "../../../src/plan.ts";
import { parseYaml } from "../../../src/text/yaml.ts";
import { comparison, environmentMap, readVectors } from "../../compatibility/compare.ts";
import { type PlanVector, planVector } from "../../compatibility/plan-vector.ts";
import { fakeEcs } from "../../fakes/ecs.ts";

interface Call {
  readonly op: string;
  readonly kwargs: JsonObject;
}

type EcsVector = Omit<PlanVector, "expect"> & {
  readonly files?: Readonly<Record<string, { readonly data?: JsonValue; readonly text?: string }>>;
  readonly aws?: {
    readonly default_vpcs?: readonly string[];
    readonly subnets?: readonly string[];
    readonly task_definition?: JsonObject;
  };
  readonly expect: {
    readonly calls: readonly Call[];
    readonly error?: { readonly mentions?: readonly string[] };
  };
};

const recorded = comparison("ecs");
const vectors = readVectors<EcsVector>("ecs");

describe("launches on ECS", () => {
  it("are recorded in 173 cases", () => {
    expect(vectors).toHaveLength(173);
  });

  it.each(vectors)("$name is as Prefect 1.4.1 has it", async (vector) => {
    recorded.compare(vector.name, expectedOf(vector), await outcomeOf(vector));
  });
});

/** Plans the run of a vector on an ECS that answers what the vector says of AWS. */
async function outcomeOf(vector: EcsVector): Promise<JsonObject> {
  const { default_vpcs: vpcs, subnets, task_definition: given } = vector.aws ?? {};
  const fake = await fakeEcs({
    ...(vpcs === undefined ? {} : { vpcs }),
    ...(subnets === undefined ? {} : { subnets }),
    foreign: given ?? { containerDefinitions: [{ name: "flow" }] },
  });
  try {
    const readTemplate = async (uri: string) => fileOf(vector, uri);
    return actualOf(
      vector,
      await planVector(vector as unknown as PlanVector, {
        module,
        world: { env: fake.env, readTemplate },
      }),
    );
  } finally {
    await fake.close();
  }
}

function expectedOf({ expect: { calls, error } }: EcsVector): JsonObject {
  const register = calls.find(({ op }) => op === "register_task_definition")?.kwargs;
  const run = calls.find(({ op }) => op === "run_task")?.kwargs;
  if (run === undefined) return { refused: error?.mentions ?? [] };
  return comparable({
    register_task_definition: register ?? null,
    task_definition: register === undefined ? (run["taskDefinition"] ?? null) : null,
    run_task: run,
  });
}

/** A refusal shows what it names of that which Prefect's names. */
function actualOf({ expect: { error } }: EcsVector, answer: PlanAnswer): JsonObject {
  if (answer.ok) return comparable(answer.launch);
  const { code, message } = answer.error;
  expect(code, message).not.toBe("internal");
  return { refused: (error?.mentions ?? []).filter((name) => message.includes(name)) };
}

interface Environed {
  environment?: unknown;
  order?: readonly string[];
}

/** A launch whose variables are a map, beside the order in which those of Prefect and the run come. */
function comparable(launch: JsonObject): JsonObject {
  const copy = structuredClone(launch) as unknown as {
    register_task_definition: { containerDefinitions: Environed[] } | null;
    run_task: { overrides: { containerOverrides: Environed[] } };
  };
  const containers = [
    ...(copy.register_task_definition?.containerDefinitions ?? []),
    ...copy.run_task.overrides.containerOverrides,
  ];
  for (const container of containers) {
    if (container.environment === undefined) continue;
    const variables = environmentMap(container.environment);
    container.environment = variables;
    container.order = Object.keys(variables).filter((name) => !name.startsWith("SLUICE_"));
  }
  return copy as unknown as JsonObject;
}

function fileOf({ files = {} }: EcsVector, uri: string): JsonValue {
  const file = files[uri] ?? files[uri.replace(/^agent:\/\//, "")];
  if (file === undefined) throw new PermanentError("template", `${uri} cannot be read`);
  return file.text === undefined ? (file.data ?? null) : parseYaml(file.text, uri);
}

interface MergeVector {
  readonly op: string;
  readonly name: string;
  readonly first: JsonObject;
  readonly second: JsonObject;
  readonly expect: { readonly merged?: JsonObject };
}

describe("RunTask arguments of agent and run", () => {
  const merges = readVectors<MergeVector>("support", ({ op }) => op === "merge");

  it("are recorded in 24 cases", () => {
    expect(merges).toHaveLength(24);
  });

  it.each(merges)(
    "$name are merged as in Prefect 1.4.1",
    ({ first, second, expect: { merged } }) => {
      if (merged !== undefined) expect(mergeRunTask(first, second)).toEqual(merged);
      else expect(() => mergeRunTask(first, second)).toThrow(PermanentError);
    },
  );
});
