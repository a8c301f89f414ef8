import { isJsonObject, type JsonObject } from "../../json.ts";
import { mergeRunTask } from "./merge.ts";
import type { EcsAgentOptions } from "./options.ts";
import { type Examined, type RunTaskArguments, runTaskIssues } from "./schema.ts";
import { sized } from "./sizes.ts";

/** Checks RunTask's arguments of an agent or a run, and writes the sizes in them as ECS takes them. */
export function checkArguments(value: JsonObject, at: string): Examined<JsonObject> {
  const faults = runTaskIssues(value, at);
  const overrides = value["overrides"];
  if (faults.length > 0 || !isJsonObject(overrides)) return { value, issues: faults };
  const { value: inUnits, issues } = sized(overrides, `${at}.overrides`);
  return { value: { ...value, overrides: inUnits }, issues };
}

/** What the agent's tasks run on: as given, or FARGATE unless capacity providers decide. */
export function launchTypeOf(agent: EcsAgentOptions, kwargs: JsonObject): string | undefined {
  return hasStrategy(kwargs) ? agent.launch_type : (agent.launch_type?.toUpperCase() ?? "FARGATE");
}

/** Whether a task runs on Fargate: by its launch type, or because all its capacity providers do. */
export function onFargate({ launchType, capacityProviderStrategy }: RunTaskArguments): boolean {
  if (launchType) return launchType === "FARGATE";
  const providers = capacityProviderStrategy ?? [];
  const fargate = providers.filter(({ capacityProvider }) =>
    /^FARGATE(_SPOT)?$/.test(capacityProvider),
  );
  return providers.length > 0 && fargate.length === providers.length;
}

/**
 * Whether neither agent nor run say anything of the network a task on Fargate needs; also if the agent is
 * for Fargate and the run names providers of its own. With another launch type ECS refuses the public
 * addresses that come with the default network.
 */
export function needsNetwork(agent: EcsAgentOptions, kwargs: JsonObject, base: JsonObject) {
  if ("networkConfiguration" in base) return false;
  return onFargate(base) || (launchTypeOf(agent, kwargs) === "FARGATE" && !base["launchType"]);
}

function hasStrategy(kwargs: JsonObject): boolean {
  const strategy = kwargs["capacityProviderStrategy"];
  return Array.isArray(strategy) && strategy.length > 0;
}

/** RunTask's arguments as agent and run say them, before the flow's own part comes in. */
export function baseArguments(
  agent: EcsAgentOptions,
  kwargs: JsonObject,
  run: JsonObject,
): JsonObject {
  const base = {
    ...kwargs,
    ...(hasStrategy(kwargs) ? {} : { launchType: launchTypeOf(agent, kwargs) }),
    ...(agent.cluster === undefined ? {} : { cluster: agent.cluster }),
  };
  return Object.keys(run).length === 0 ? base : mergeRunTask(base, run);
}
