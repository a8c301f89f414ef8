import { type Issue, PermanentError } from "../../errors.ts";
import type { EcsAgentOptions } from "./options.ts";

/** A task definition, or an entry for some, taken apart. */
interface Named {
  /** What an ARN says before the family: partition, region and account. Empty if it is none. */
  readonly where: string;
  readonly family: string;
  /** Empty for all revisions of an entry, and for the newest one of a run. */
  readonly revision: string;
}

/**
 * Refuses a definition that a run names and the agent does not list in `task_definition_arns`; without a
 * list every definition may be named. Throws `PermanentError` ("forbidden").
 */
export function refuseUnlisted(options: EcsAgentOptions, definition: string): void {
  const { task_definition_arns: entries } = options;
  if (entries === undefined || entries.some((entry) => covers(entry, definition))) return;
  const listed = entries.length === 0 ? "list none" : `list only ${entries.join(", ")}`;
  const message = `expected a task definition that the agent's task_definition_arns list, got ${definition}; they ${listed}: add it there, or name another`;
  const issues: readonly Issue[] = [{ path: "run_config.task_definition_arn", message }];
  throw new PermanentError("forbidden", `run_config.task_definition_arn: ${message}`, { issues });
}

/** Whether an entry names a definition. A name without account is looked up in that of the agent. */
export function covers(entry: string, definition: string): boolean {
  const allowed = nameOf(entry);
  const asked = nameOf(definition);
  if (allowed.where !== "" && asked.where !== "" && allowed.where !== asked.where) return false;
  if (allowed.revision !== "" && allowed.revision !== asked.revision) return false;
  return allowed.family.endsWith("*")
    ? asked.family.startsWith(allowed.family.slice(0, -1))
    : asked.family === allowed.family;
}

function nameOf(text: string): Named {
  const [, where = "", family = "", revision = ""] =
    /^(arn:.*\/)?([^/:]*)(?::([^:/]*))?$/.exec(text) ?? [];
  return { where, family, revision };
}
