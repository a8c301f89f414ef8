import type { LaunchRequest } from "../../backend.ts";
import { type Issue, invalid } from "../../errors.ts";
import { imageOf } from "../../image.ts";
import { asJson, type JsonObject } from "../../json.ts";
import { processOf, type RunProcess } from "../../process.ts";
import { refuseUnlisted } from "./allowed.ts";
import { definitionOf, flowContainer } from "./definition.ts";
import { definitionIssues } from "./fargate.ts";
import { limitIssues } from "./limits.ts";
import { knownDefinition } from "./members.ts";
import { FLOW_CONTAINER, flowIn } from "./names.ts";
import type { EcsAgentOptions, EcsRunOptions } from "./options.ts";
import { examineTemplate, type Template } from "./schema.ts";
import { missingSecrets, secretsOf } from "./secrets.ts";
import { sized } from "./sizes.ts";
import type { Sources } from "./sources.ts";

/** The task definition of a run, and what is to run in it. */
export interface Chosen {
  /** What to register, unless the definition is given by ARN. */
  readonly register?: JsonObject;
  /** The definition as given: its ARN, or its family with or without revision. */
  readonly arn?: string;
  /** What is known of it. */
  readonly definition: Template;
  readonly process: RunProcess;
  readonly warnings: readonly string[];
}

/** What the choice rests on beside the request. */
export interface Choice {
  readonly run: EcsRunOptions;
  readonly options: EcsAgentOptions;
  readonly sources: Sources;
  readonly region: string;
  readonly launchType: string | undefined;
}

/**
 * The definition of a run: the one it names by ARN, or one made from the first template there is of the
 * run's own, that at the run's path, the agent's and the built-in one. An empty template is none.
 */
export async function chooseDefinition(request: LaunchRequest, choice: Choice): Promise<Chosen> {
  const arn = choice.run.task_definition_arn ?? undefined;
  if (arn !== undefined) return given(request, choice, arn);
  const { task_definition: inline, task_definition_path: path } = choice.run;
  if (inline && Object.keys(inline).length > 0) {
    return made(request, choice, { value: inline, at: "run_config.task_definition" });
  }
  if (path)
    return made(request, choice, { value: await choice.sources.runTemplate(path), at: path });
  const at = choice.options.task_definition_path ?? "task_definition";
  return made(request, choice, { value: await choice.sources.agentTemplate(), at });
}

async function given(request: LaunchRequest, choice: Choice, arn: string): Promise<Chosen> {
  refuseUnlisted(choice.options, arn);
  if (request.flow.storage?.["type"] === "Docker") {
    const message = `expected none for a flow with Docker storage, whose image the definition ${arn} would not run`;
    throw invalid("the run config", [{ path: "run_config.task_definition_arn", message }]);
  }
  const definition = await choice.sources.described(choice.region, arn);
  const containers = definition.containerDefinitions ?? [];
  const flow = flowIn(containers);
  const process = processOf(request);
  const { secrets, issues } = secretsOf(process.variables);
  refuse("the environment of the run", [...issues, ...missingSecrets(secrets, flow)]);
  const names = containers.map(({ name }) => name).join(", ");
  const warning = `the task definition ${arn} has no container named ${FLOW_CONTAINER} to run the flow in, it has ${names}: ECS will refuse the run`;
  const known = containers.length === 0 || flow !== undefined;
  return { arn, definition, process, warnings: known ? [] : [warning] };
}

interface Found {
  readonly value: JsonObject;
  /** Where it stands, as faults name it. */
  readonly at: string;
}

function made(request: LaunchRequest, choice: Choice, { value, at }: Found): Chosen {
  const { value: examined, issues: faults } = examineTemplate(value, at);
  refuse("the task definition", faults);
  const { value: known, unknown } = knownDefinition(examined);
  const { value: template, issues: sizes } = sized(known, at);
  refuse("the task definition", sizes);
  const { flow, config, engine } = request;
  const image = imageOf({ flow, config, template: flowContainer(template).image, engine });
  const process = processOf(request, { image });
  const { secrets, issues } = secretsOf(process.variables);
  refuse("the environment of the run", issues);
  const { log_group: group, execution_role_arn: agentRole } = choice.options;
  const register = asJson(
    definitionOf({
      template,
      image,
      engine: engine.name,
      flowName: flow.name,
      launchType: choice.launchType,
      executionRole: choice.run.execution_role_arn || agentRole,
      secrets,
      logs: group === undefined ? undefined : { group, region: choice.region },
    }),
  );
  const definition: Template = register;
  refuse("the task definition", [
    ...limitIssues(definition, at),
    ...definitionIssues(definition, at),
  ]);
  const warnings = unknown.map((key) => `${at}.${key} is no part of a task definition: ignored`);
  return { register, definition, process, warnings };
}

function refuse(what: string, issues: readonly Issue[]): void {
  if (issues.length > 0) throw invalid(what, issues);
}
