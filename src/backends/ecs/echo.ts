import { isJsonObject, type JsonObject } from "../../json.ts";
import { flowIn } from "./names.ts";
import type { RunTaskArguments } from "./schema.ts";
import type { OverrideView, TaskView } from "./status.ts";

const RUN_ID = "SLUICE_RUN_ID";

/**
 * What of the flow's overrides a task has lost, by what ECS itself answers, in words; undefined if
 * nothing is missing or ECS does not say. Pure.
 *
 * ECS has lost the overrides of tasks that waited for capacity. Such a task runs whatever its definition
 * says, and does not know of which run it is.
 */
export function lostOverrides(sent: JsonObject, { overrides }: TaskView): string | undefined {
  const echoed = overrides?.containerOverrides;
  if (echoed === undefined || echoed === null) return undefined;
  const ours = isJsonObject(sent["overrides"]) ? (sent as RunTaskArguments).overrides : undefined;
  const wanted = flowIn<OverrideView>(ours?.containerOverrides);
  const got = flowIn(echoed);
  const lost = [
    ...(isSame(wanted?.command, got?.command) ? [] : ["the command"]),
    ...(runIdOf(wanted) === runIdOf(got) ? [] : [`the variable ${RUN_ID}`]),
  ];
  return wanted === undefined || lost.length === 0 ? undefined : lost.join(" and ");
}

function isSame(wanted: OverrideView["command"], got: OverrideView["command"]): boolean {
  return wanted === undefined || JSON.stringify(wanted) === JSON.stringify(got);
}

function runIdOf(entry: OverrideView | undefined): string | undefined {
  return entry?.environment?.find(({ name }) => name === RUN_ID)?.value ?? undefined;
}
