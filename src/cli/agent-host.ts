import {
  type AgentHostOptions,
  type AgentHostProcess,
  openAgentHost,
} from "../embedded/agent-host.ts";
import { openSharedTable, type TableSettings } from "../embedded/shared-table.ts";
import { type Issue, invalid } from "../errors.ts";
import type { Settings } from "./settings.ts";
import { version } from "./version.ts";

/** As long as deployments keep runs unless told otherwise. */
const KEEP_DAYS = 90;

/**
 * Opens the host of a remote agent, on the table of the deployment that the environment names. Throws
 * `PermanentError` if the table cannot be read, or if this machine cannot work for the agent.
 */
export async function hostOnThisMachine(
  settings: Settings,
  options: Pick<AgentHostOptions, "agent" | "log" | "show">,
): Promise<AgentHostProcess> {
  const table = tableFrom(settings.env);
  const storage = await openSharedTable(table);
  return await openAgentHost({ ...settings, ...options, storage, version: version() });
}

/** Reads where the table is. Throws `PermanentError` ("invalid") that names every variable with a fault. */
function tableFrom(env: Settings["env"]): TableSettings {
  const issues: Issue[] = [];
  const text = (names: readonly [string, ...string[]], what: string): string => {
    const value = names.map((name) => env[name]).find(Boolean);
    if (value === undefined)
      issues.push({ path: names[0], message: `expected ${what}, got nothing` });
    return value ?? "";
  };
  const table = text(["SLUICE_TABLE"], "the name of the table of a deployment on AWS");
  const region = text(["AWS_REGION", "AWS_DEFAULT_REGION"], "the region of that table");
  const endpoint = env["AWS_ENDPOINT_URL_DYNAMODB"] || env["AWS_ENDPOINT_URL"];
  const keepDays = Number(env["SLUICE_KEEP_DAYS"] || KEEP_DAYS);
  if (!(keepDays > 0)) {
    const message = `expected a number of days, got ${env["SLUICE_KEEP_DAYS"]}`;
    issues.push({ path: "SLUICE_KEEP_DAYS", message });
  }
  if (issues.length > 0) throw invalid("the environment of an agent host", issues);
  return { table, region, keepDays, ...(endpoint ? { endpoint } : {}) };
}
