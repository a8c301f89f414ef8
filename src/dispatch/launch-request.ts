import type { LaunchRequest } from "../backend.ts";
import { engines } from "../engines/index.ts";
import { PermanentError } from "../errors.ts";
import { engineNameOf, type RunRequest } from "../request.ts";
import { parseRunConfig, type RunConfig } from "../run-config/index.ts";

/** Puts together what a backend needs to launch a run on an agent. */
export function launchRequest(
  run: { readonly id: string; readonly name: string },
  request: RunRequest,
  { agent, launch }: Pick<LaunchRequest, "agent" | "launch">,
): LaunchRequest {
  const config = runConfigOf(request);
  return {
    run: { id: run.id, name: run.name, parameters: request.parameters },
    launch,
    flow: request.flow,
    config,
    agent,
    engine: engines[engineNameOf(request.flow, config)],
  };
}

/** The run config of a stored request. It had no faults when it was stored. */
function runConfigOf(request: RunRequest): RunConfig {
  const parsed = parseRunConfig(request.runConfig, "run_config");
  if (!parsed.ok) {
    throw new PermanentError("invalid", "the stored run config is not valid any more", {
      issues: parsed.issues,
    });
  }
  return { ...parsed.config, labels: request.labels };
}
