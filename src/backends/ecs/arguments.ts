import { isJsonObject, type JsonObject } from "../../json.ts";
import { mergeRunTask } from "./merge.ts";
import type { EcsAgentOptions } from "./options.ts";
import { runTaskIssues } from "./schema.ts";
import { type Sized, sized } from "./sizes.ts";

/** Checks RunTask's arguments of an agent or a run, and writes the sizes in them as ECS takes them. */
export function checkArguments(value: JsonObject, at: string): Sized<JsonObject> {
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

/**
 * Whether neither agent nor run say anything of the network a Fargate task needs. With another launch
 * type ECS refuses the public addresses that come with the default network.
 */
export function needsNetwork(agent: EcsAgentOptions, kwargs: JsonObject, run: JsonObject): boolean {
  const ofRun = run["launchType"] ?? "FARGATE";
  return (
    launchTypeOf(agent, kwargs) === "FARGATE" &&
    ofRun === "FARGATE" &&
    !("networkConfiguration" in kwargs) &&
    !("networkConfiguration" in run)
  );
}

function hasStrategy(kwargs: JsonObject): boolean {
  const strategy = kwargs["capacityProviderStrategy"];
  return Array.isArray(strategy) && strategy.length > 0;
}

/** RunTask's arguments as agent and run say them, before the flow's own part comes in. */
export function baseArguments(
  agent: EcsAgentOptions,
  kwargs: JsonObject,
  { run, network }: { readonly run: JsonObject; readonly network: JsonObject | undefined },
): JsonObject {
  const base = {
    ...kwargs,
    ...(network === undefined ? {} : { networkConfiguration: network }),
    ...(hasStrategy(kwargs) ? {} : { launchType: launchTypeOf(agent, kwargs) }),
    ...(agent.cluster === undefined ? {} : { cluster: agent.cluster }),
  };
  return Object.keys(run).length === 0 ? base : mergeRunTask(base, run);
}
