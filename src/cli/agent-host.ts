import {
  type AgentHostOptions,
  type AgentHostProcess,
  openAgentHost,
} from "../embedded/agent-host.ts";
import { openSharedTable } from "../embedded/shared-table.ts";
import { deploymentTable } from "./deployment-table.ts";
import type { Settings } from "./settings.ts";
import { version } from "./version.ts";

/**
 * Opens the host of a remote agent, on the table of the deployment that the environment names. Throws
 * `PermanentError` if the table cannot be read, or if this machine cannot work for the agent.
 */
export async function hostOnThisMachine(
  settings: Settings,
  options: Pick<AgentHostOptions, "agent" | "log" | "show">,
): Promise<AgentHostProcess> {
  const deployment = deploymentTable(settings.env);
  const storage = await openSharedTable(deployment);
  const installation = deployment.table;
  return await openAgentHost({
    ...settings,
    ...options,
    installation,
    storage,
    version: version(),
  });
}
