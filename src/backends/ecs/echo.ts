import { isJsonObject, type JsonObject } from "../../json.ts";
import { FLOW_CONTAINER } from "./names.ts";
import type { RunTaskArguments } from "./schema.ts";
import type { TaskView } from "./status.ts";

/** The part of an override that makes a task that of its run. */
interface Entry {
  readonly name?: string | null | undefined;
  readonly command?: readonly string[] | null | undefined;
  readonly environment?:
    | readonly {
        readonly name?: string | undefined;
        readonly value?: string | null | undefined;
      }[]
    | null
    | undefined;
}

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
  const wanted = flowOf(ours?.containerOverrides ?? []);
  const got = flowOf(echoed);
  const lost = [
    ...(isSame(wanted?.command, got?.command) ? [] : ["the command"]),
    ...(runIdOf(wanted) === runIdOf(got) ? [] : [`the variable ${RUN_ID}`]),
  ];
  return wanted === undefined || lost.length === 0 ? undefined : lost.join(" and ");
}

function flowOf(entries: readonly Entry[]): Entry | undefined {
  return entries.find(({ name }) => name === FLOW_CONTAINER);
}

function isSame(wanted: Entry["command"], got: Entry["command"]): boolean {
  return wanted === undefined || JSON.stringify(wanted) === JSON.stringify(got);
}

function runIdOf(entry: Entry | undefined): string | undefined {
  return entry?.environment?.find(({ name }) => name === RUN_ID)?.value ?? undefined;
}
