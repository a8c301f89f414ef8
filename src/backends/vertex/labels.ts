import type { Agent } from "../../agent.ts";
import { type Installation, nameOrHash } from "../../installation.ts";
import type { LaunchKey } from "../../run.ts";
import { plus, type Timestamp } from "../../time.ts";
import type { VertexAgentOptions } from "./options.ts";
import { FINISHED_STATES, type VertexJob } from "./status.ts";

/** Whose a job is. */
export interface Whose {
  /** Tells the jobs of an agent from those of others; see `ownerOf`. */
  readonly owner: string;
  /** Tells the jobs of an installation from those of others, where its world says which it is. */
  readonly installation: Installation;
}

const INSTALLATION = "sluice_installation";

/**
 * The mark of a launch on its job. Vertex AI chooses the id of a job itself and takes no request id, so
 * these labels are the only way to find a job whose creation was not answered.
 *
 * Values are at most 63 small letters, digits, dashes and underscores; run ids and names of agents are, and
 * the name of an installation that is not is replaced by its hash. Keys have no dash, which in a filter
 * could be read as an operator.
 */
export function launchLabels(
  { runId, launch }: Pick<LaunchKey, "runId" | "launch">,
  whose: Whose,
): Readonly<Record<string, string>> {
  return { sluice_run: runId, sluice_launch: String(launch), ...ownerLabels(whose) };
}

function ownerLabels({ owner, installation }: Whose): Readonly<Record<string, string>> {
  const named = installation === undefined ? {} : { [INSTALLATION]: labelValue(installation) };
  return { sluice_owner: owner, ...named };
}

function labelValue(name: string): string {
  return nameOrHash(name, /^[a-z0-9_-]{1,63}$/);
}

/** Whether a job is of an installation: a filter for one that has no name selects those of all others too. */
export function isOf({ labels }: VertexJob, { installation }: Whose): boolean {
  const label = installation === undefined ? undefined : labelValue(installation);
  return labels?.[INSTALLATION] === label;
}

/** Whose jobs an agent's are. */
export function ownerOf({ name }: Pick<Agent, "name">, { owner }: VertexAgentOptions): string {
  return owner ?? name;
}

/** Selects the jobs of one launch. */
export function launchFilter(key: Pick<LaunchKey, "runId" | "launch">, whose: Whose): string {
  return tests(launchLabels(key, whose)).join(" AND ");
}

function tests(labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels).map(([name, value]) => `labels.${name}="${value}"`);
}

/**
 * Selects the jobs of an owner that have not ended and were created between two moments, both included,
 * which are known to the millisecond only.
 */
export function unfinishedFilter(
  whose: Whose,
  { from, to }: { readonly from: Timestamp; readonly to: Timestamp },
): string {
  return [
    ...tests(ownerLabels(whose)),
    `create_time>="${from}"`,
    `create_time<"${plus(to, 1)}"`,
    ...FINISHED_STATES.map((state) => `state!="${state}"`),
  ].join(" AND ");
}
