import type { LaunchPlan, LaunchRequest } from "../../backend.ts";
import { invalid, PermanentError } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import { asJson, type JsonObject } from "../../json.ts";
import { secretNames } from "../../process.ts";
import {
  baseArguments,
  checkArguments,
  launchTypeOf,
  needsNetwork,
  onFargate,
} from "./arguments.ts";
import { type Chosen, chooseDefinition } from "./choose.ts";
import { taskIssues } from "./fargate.ts";
import { overridesFault } from "./limits.ts";
import { knownRunTask } from "./members.ts";
import { type ClusterRef, clientToken, regionOfArn, startedBy, targetOf } from "./names.ts";
import { type EcsAgentOptions, type EcsRunOptions, runOptionsOf } from "./options.ts";
import { overridesOf } from "./overrides.ts";
import type { RunTaskArguments, Template } from "./schema.ts";
import { sized } from "./sizes.ts";
import type { Sources } from "./sources.ts";

/** What planning needs beside the request. */
export interface Planning {
  readonly options: EcsAgentOptions;
  readonly sources: Sources;
  readonly installation: Installation;
  /** The region where no cluster's ARN says it. */
  region(): Promise<string>;
}

/**
 * Says what would be sent to launch a run: a definition to register, unless one is given by ARN, and the
 * input of RunTask. Until the definition is registered, its family stands for it in RunTask's input.
 */
export async function planLaunch(request: LaunchRequest, planning: Planning): Promise<LaunchPlan> {
  const { options, sources, installation } = planning;
  const given = checkedRun(runOptionsOf(request.config));
  const { run, runKwargs } = given;
  const kwargs = await sources.kwargs();
  const where = await clusterFor(planning, [runKwargs, { cluster: options.cluster }, kwargs]);
  const { region } = where;
  const launchType = launchTypeOf(options, kwargs);
  const chosen = await chooseDefinition(request, { run, options, sources, region, launchType });
  const base = baseArguments(options, kwargs, runKwargs);
  const network = needsNetwork(options, kwargs, base)
    ? { networkConfiguration: await sources.defaultNetwork(region) }
    : {};
  // Both sides were checked before they were merged.
  const { value: known, unknown } = knownRunTask({ ...base, ...network });
  const task = withOverrides(known, { run, options, chosen });
  checkTask(task, chosen, given);
  const target = targetOf(where);
  const key = { runId: request.run.id, launch: request.launch, target };
  return {
    target,
    launch: asJson({
      register_task_definition: chosen.register ?? null,
      task_definition: chosen.arn ?? null,
      run_task: {
        ...task,
        taskDefinition: chosen.arn ?? chosen.register?.["family"],
        clientToken: clientToken(key, installation),
        startedBy: startedBy(key, installation),
      },
    }),
    secrets: secretNames(chosen.process.variables),
    warnings: [
      ...chosen.warnings,
      ...unknown.map((name) => `run_task_kwargs.${name} is no argument of RunTask: ignored`),
      ...networkWarnings(task, chosen.definition),
    ],
  };
}

/** What a run itself asks for. */
interface Given {
  readonly run: EcsRunOptions;
  readonly runKwargs: JsonObject;
}

/** The run's options with sizes in ECS's units. All faults of them come at once. */
function checkedRun(options: EcsRunOptions): Given {
  const { value: run, issues } = sized(options, "run_config");
  const kwargs = checkArguments(options.run_task_kwargs ?? {}, "run_config.run_task_kwargs");
  const all = [...issues, ...kwargs.issues];
  if (all.length > 0) throw invalid("the run config", all);
  return { run, runKwargs: kwargs.value };
}

/** The cluster of a run: its own, the agent's, or that of the agent's RunTask arguments. */
async function clusterFor(planning: Planning, givers: readonly JsonObject[]): Promise<ClusterRef> {
  const named = givers.map(({ cluster }) => cluster).find((cluster) => cluster);
  const cluster = typeof named === "string" ? named : "default";
  return { cluster, region: regionOfArn(cluster) || (await planning.region()) };
}

interface Parts {
  readonly run: EcsRunOptions;
  readonly options: EcsAgentOptions;
  readonly chosen: Chosen;
}

function withOverrides(base: RunTaskArguments, { run, options, chosen }: Parts): RunTaskArguments {
  const { command, variables } = chosen.process;
  const { definition } = chosen;
  const parts = { run, agent: options, definition, command, variables };
  return { ...base, overrides: overridesOf(base.overrides ?? {}, parts) };
}

function checkTask(task: RunTaskArguments, chosen: Chosen, given: Given): void {
  const { overrides = {}, launchType, capacityProviderStrategy: providers } = task;
  const both = `expected either launchType or capacityProviderStrategy, got ${launchType} and ${providers?.length} providers`;
  const issues = [
    ...(launchType && providers && providers.length > 0
      ? [{ path: kwargsWith("capacityProviderStrategy", given), message: both }]
      : []),
    ...(onFargate(task)
      ? taskIssues({
          overrides,
          definition: chosen.definition,
          run: given.run,
          overridesAt: kwargsWith("overrides", given),
          made: chosen.register !== undefined,
        })
      : []),
  ];
  if (issues.length > 0) throw invalid("the run config", issues);
  const tooLarge = overridesFault(asJson(overrides));
  if (tooLarge !== undefined) throw new PermanentError("too_large", tooLarge);
}

/** The path of an argument of RunTask, which the run's own go before the agent's. */
function kwargsWith(key: string, { runKwargs }: Given): string {
  return `${key in runKwargs ? "run_config" : "agent"}.run_task_kwargs.${key}`;
}

function networkWarnings(task: RunTaskArguments, { networkMode }: Template): string[] {
  if (networkMode !== "awsvpc" || task.networkConfiguration) return [];
  return [
    "the task definition has the network mode awsvpc and nothing says which network: ECS will refuse the run; set networkConfiguration in run_task_kwargs",
  ];
}
