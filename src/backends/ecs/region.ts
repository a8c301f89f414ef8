import type { World } from "../../backend.ts";
import { invalid } from "../../errors.ts";
import { regionOfArn } from "./names.ts";
import type { EcsAgentOptions } from "./options.ts";

/** The region of an agent, if agent or environment says it. */
export function knownRegion(options: EcsAgentOptions, env: World["env"]): string | undefined {
  return (
    regionOfArn(options.cluster ?? "") ||
    options.region_name ||
    env["AWS_REGION"] ||
    env["AWS_DEFAULT_REGION"] ||
    undefined
  );
}

/** The region of the SDK's own configuration: `~/.aws/config` and the profile in use. */
export async function profileRegion(agent: string): Promise<string> {
  const { ECSClient } = await import("@aws-sdk/client-ecs");
  try {
    return await new ECSClient({}).config.region();
  } catch {
    // The SDK throws where nothing says a region, and its words do not tell people where to.
    throw invalid(`the agent ${agent}`, [
      { path: "agent.region_name", message: "expected a region here or in AWS_REGION, got none" },
    ]);
  }
}
