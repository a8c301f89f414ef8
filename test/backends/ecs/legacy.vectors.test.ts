import { describe, expect, it } from "vitest";
import { backend as module } from "../../../src/backends/ecs/index.ts";
import { parseAgent } from "../../../src/config.ts";
import { engines } from "../../../src/engines/index.ts";
import type { Flow } from "../../../src/flow.ts";
import type { JsonObject } from "../../../src/json.ts";
import { parseRunConfig } from "../../../src/run-config/index.ts";
import { comparison, environmentMap, readVectors } from "../../compatibility/compare.ts";
import { agentOf, type PlanVector } from "../../compatibility/plan-vector.ts";
import { launchRequest } from "../../contracts/request.ts";
import { type FakeEcs, fakeEcs } from "../../fakes/ecs.ts";
import { testWorld } from "../../fakes/world.ts";

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: unknown;
}

interface Definition {
  readonly cpu?: string;
  readonly memory?: string;
  readonly networkMode?: string;
  readonly taskRoleArn?: string;
  readonly executionRoleArn?: string;
  readonly containerDefinitions: readonly Container[];
}

interface RunTask {
  readonly taskDefinition: string;
  readonly launchType?: string;
  readonly overrides: {
    readonly cpu?: string;
    readonly memory?: string;
    readonly taskRoleArn?: string;
    readonly executionRoleArn?: string;
    readonly containerOverrides: readonly Container[];
  };
}

interface Call {
  readonly op: string;
  readonly kwargs: Definition & RunTask;
}

interface LegacyVector {
  readonly name: string;
  readonly agent: JsonObject;
  readonly runs: readonly {
    readonly flow: Flow;
    readonly flow_run: { readonly id: string; readonly name: string };
    readonly run_config: JsonObject;
  }[];
  readonly expect: { readonly runs: readonly { readonly calls: readonly Call[] }[] };
}

const recorded = comparison("ecs_legacy");
const vectors = readVectors<LegacyVector>("ecs_legacy");

/**
 * Prefect registered definitions once until 0.14.11, and laid out what belongs to the definition and what
 * to the run in another way. So what is compared is the task that comes of both together, and whether it
 * took a registration.
 */
describe("definitions registered once", () => {
  it("are recorded in 12 cases", () => {
    expect(vectors).toHaveLength(12);
  });

  it.each(vectors)("$name runs the tasks that Prefect 0.14.11 ran", async (vector) => {
    const fake = await fakeEcs();
    const given = { containerDefinitions: [{ name: "flow", image: "given" }] };
    const marks = { taskDefinitionArn: "fam:2", revision: 2, status: "ACTIVE" } as const;
    fake.definitions.push({ ...given, ...marks, family: "fam" });
    try {
      recorded.compare(vector.name, expectedOf(vector), await launchAll(vector, fake));
    } finally {
      await fake.close();
    }
  });
});

function expectedOf({ expect: { runs } }: LegacyVector): unknown[] {
  const definitions = new Map<string, Definition>();
  return runs.map(({ calls }) => {
    const register = kwargsOf(calls, "register_task_definition");
    const run = kwargsOf(calls, "run_task");
    if (run === undefined) throw new Error("the vector runs no task");
    if (register !== undefined) definitions.set(run.taskDefinition, register);
    return taskOf(run, definitions.get(run.taskDefinition), register !== undefined);
  });
}

function kwargsOf(calls: readonly Call[], op: string): Call["kwargs"] | undefined {
  return calls.find((call) => call.op === op)?.kwargs;
}

async function launchAll(vector: LegacyVector, fake: FakeEcs): Promise<unknown[]> {
  // Without a network AWS refuses the template Prefect has built in, except on Fargate.
  const network = { awsvpcConfiguration: { subnets: ["subnet-a"] } };
  const settings = {
    ...agentOf(vector as unknown as PlanVector, "ecs"),
    run_task_kwargs: { networkConfiguration: network },
  };
  const agent = parseAgent("legacy", settings, () => module.agentOptions);
  const backend = module.open(agent, testWorld({ env: fake.env, now: fake.now }));
  const tasks: unknown[] = [];
  for (const { flow, flow_run: run, run_config } of vector.runs) {
    const parsed = parseRunConfig(run_config);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
    const parts = { runId: run.id, flow, config: parsed.config, agent, engine: engines.prefect1 };
    const plan = await backend.plan(launchRequest(parts));
    const before = fake.count("RegisterTaskDefinition");
    const key = { runId: run.id, launch: 1, target: plan.target };
    const answer = await backend.launch(plan, key, new AbortController().signal);
    expect(answer.type).toBe("launched");
    const sent = fake.inputs.at(-1)?.input as unknown as RunTask;
    const definition = fake.definitions.find(
      (one) => one.taskDefinitionArn === sent.taskDefinition,
    );
    const registered = fake.count("RegisterTaskDefinition") > before;
    const made = sent.taskDefinition === "fam:2" ? undefined : definition;
    tasks.push(taskOf(sent, made as Definition | undefined, registered));
  }
  return tasks;
}

/** What a container would find: the definition with the run's overrides over it. */
function taskOf(run: RunTask, definition: Definition | undefined, registered: boolean): unknown {
  const { overrides } = run;
  const flow = definition?.containerDefinitions.find(({ name }) => name === "flow");
  const override = overrides.containerOverrides.find(({ name }) => name === "flow");
  const variables = Object.entries(environmentMap(override?.environment)).filter(
    ([name]) => !/^(PREFECT__|SLUICE_)/.test(name),
  );
  return {
    registered,
    launchType: run.launchType,
    ...(definition === undefined
      ? { taskDefinition: run.taskDefinition }
      : {
          networkMode: definition.networkMode,
          image: flow?.image,
          command: override?.command ?? flow?.command,
          cpu: overrides.cpu ?? definition.cpu,
          memory: overrides.memory ?? definition.memory,
          taskRole: overrides.taskRoleArn ?? definition.taskRoleArn,
          executionRole: overrides.executionRoleArn ?? definition.executionRoleArn,
        }),
    variables: Object.fromEntries(variables),
  };
}
