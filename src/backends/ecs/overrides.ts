import { isSecretReference } from "../../agent.ts";
import type { Variable } from "../../process.ts";
import { FLOW_CONTAINER, flowIn } from "./names.ts";
import type { EcsAgentOptions, EcsRunOptions } from "./options.ts";
import type { ContainerOverride, EnvironmentEntry, Overrides, Template } from "./schema.ts";

/** What one run puts over its task definition. */
export interface RunParts {
  readonly run: EcsRunOptions;
  readonly agent: EcsAgentOptions;
  /** The definition that is run: its roles go before the agent's. */
  readonly definition: Pick<Template, "taskRoleArn" | "executionRoleArn">;
  /** Undefined leaves the command to the definition. */
  readonly command: readonly string[] | undefined;
  readonly variables: readonly Variable[];
}

/** The overrides of a run: roles, sizes, and command and variables of the flow's container. */
export function overridesOf(base: Overrides, parts: RunParts): Overrides {
  const { run, agent, definition } = parts;
  const { taskRoleArn, executionRoleArn, cpu, memory, ...rest } = base;
  const taskRole =
    run.task_role_arn || definition.taskRoleArn || agent.task_role_arn || taskRoleArn;
  const executionRole =
    run.execution_role_arn ||
    definition.executionRoleArn ||
    agent.execution_role_arn ||
    executionRoleArn;
  return {
    ...rest,
    containerOverrides: containersOf(base.containerOverrides ?? [], parts),
    ...(taskRole ? { taskRoleArn: taskRole } : {}),
    ...(executionRole ? { executionRoleArn: executionRole } : {}),
    ...sizeOf("cpu", run.cpu || cpu),
    ...sizeOf("memory", run.memory || memory),
  };
}

function sizeOf(name: string, value: string | number | null | undefined) {
  return value === undefined || value === null ? {} : { [name]: value };
}

function containersOf(base: readonly ContainerOverride[], parts: RunParts): ContainerOverride[] {
  const known = flowIn(base);
  const flow = flowOverride(known ?? { name: FLOW_CONTAINER }, parts);
  return known === undefined ? [...base, flow] : base.with(base.indexOf(known), flow);
}

/** The flow's variables come first; entries of the agent's or run's own list only add to them. */
function flowOverride(
  entry: ContainerOverride,
  { command, variables }: RunParts,
): ContainerOverride {
  const named = new Set(variables.map(({ name }) => name));
  const added = (entry.environment ?? []).filter(({ name }) => !named.has(name));
  return {
    ...entry,
    ...(command === undefined ? {} : { command: [...command] }),
    environment: [...variables.flatMap(toEntry), ...added],
  };
}

/** Null removes a variable that is inherited, and a container inherits none by overrides. */
function toEntry({ name, value }: Variable): EnvironmentEntry[] {
  if (value === null || isSecretReference(value)) return [];
  return [{ name, value: String(value) }];
}
