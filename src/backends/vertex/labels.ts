import type { Agent } from "../../agent.ts";
import type { LaunchKey } from "../../run.ts";
import { plus, type Timestamp } from "../../time.ts";
import type { VertexAgentOptions } from "./options.ts";
import { FINISHED_STATES } from "./status.ts";

/**
 * The mark of a launch on its job. Vertex AI chooses the id of a job itself and takes no request id, so
 * these labels are the only way to find a job whose creation was not answered.
 *
 * Values are at most 63 small letters, digits, dashes and underscores; run ids and names of agents are.
 * Keys have no dash, which in a filter could be read as an operator.
 */
export function launchLabels(
  { runId, launch }: Pick<LaunchKey, "runId" | "launch">,
  owner: string,
): Readonly<Record<string, string>> {
  return { sluice_run: runId, sluice_launch: String(launch), sluice_owner: owner };
}

/** Whose jobs an agent's are. */
export function ownerOf({ name }: Pick<Agent, "name">, { owner }: VertexAgentOptions): string {
  return owner ?? name;
}

/** Selects the jobs of one launch. */
export function launchFilter(key: Pick<LaunchKey, "runId" | "launch">, owner: string): string {
  return Object.entries(launchLabels(key, owner))
    .map(([name, value]) => `labels.${name}="${value}"`)
    .join(" AND ");
}

/**
 * Selects the jobs of an owner that have not ended and were created between two moments, both included,
 * which are known to the millisecond only.
 */
export function unfinishedFilter(
  owner: string,
  { from, to }: { readonly from: Timestamp; readonly to: Timestamp },
): string {
  return [
    `labels.sluice_owner="${owner}"`,
    `create_time>="${from}"`,
    `create_time<"${plus(to, 1)}"`,
    ...FINISHED_STATES.map((state) => `state!="${state}"`),
  ].join(" AND ");
}
