import { lt, valid } from "@renovatebot/pep440";
import type { Agent, EnvMap } from "../agent.ts";
import type { Engine } from "../engine.ts";
import { invalid } from "../errors.ts";
import type { Flow } from "../flow.ts";
import { dockerApi, requiredVariables } from "./prefect1-variables.ts";

/**
 * Hands the run to Prefect 1: `prefect execute flow-run`, with the variables its agents set. The run's
 * id is Prefect's own.
 *
 * A run may switch the sending of its logs off, never on. Every other variable is the agent's to say,
 * except the address of the API on Docker, which may be overridden there as in Prefect.
 */
export const prefect1Engine: Engine = {
  name: "prefect1",
  command: ({ flow, agent }) => commandOf(flow, agent.backend),
  defaults: ({ agent }) => ({
    ...(agent.backend === "docker" ? { PREFECT__CLOUD__API: dockerApi(agent) } : {}),
    PREFECT__LOGGING__LEVEL: agent.prefect.logging_level,
  }),
  required: (context, lower) => ({
    ...sendLogs(context.agent, lower),
    ...requiredVariables(context),
  }),
  secrets: ["PREFECT__CLOUD__API_KEY", "PREFECT__CLOUD__AUTH_TOKEN"],
};

/** Prefect gives ECS a text for a shell and splits it at spaces for everybody else. */
function commandOf(flow: Flow, backend: string): readonly string[] {
  if (typeof flow.command === "object") return flow.command;
  if (flow.command === undefined && backend === "local") {
    return ["python", "-m", "prefect", "execute", "flow-run"];
  }
  const text = flow.command ?? executeCommand(flow);
  if (backend === "ecs") return ["/bin/sh", "-c", text];
  const words = text.split(" ").filter((word) => word !== "");
  if (words.length > 0) return words;
  throw invalid("the flow", [{ path: "flow.command", message: "expected a command, got spaces" }]);
}

/** The command line Prefect of the flow's version understands. No version counts as an old one. */
function executeCommand({ core_version: given }: Flow): string {
  const version = (given ?? "") === "" ? "0.0.0" : String(given).trim();
  if (valid(version) === null) {
    throw invalid("the flow", [
      {
        path: "flow.core_version",
        message: `expected a version such as 1.4.1, got the text ${JSON.stringify(version)}`,
      },
    ]);
  }
  return lt(version, "0.13.0") ? "prefect execute cloud-flow" : "prefect execute flow-run";
}

const SEND_LOGS = "PREFECT__CLOUD__SEND_FLOW_RUN_LOGS";

function sendLogs({ prefect }: Agent, lower: EnvMap): EnvMap {
  const sends = prefect.send_flow_run_logs;
  return sends && SEND_LOGS in lower ? {} : { [SEND_LOGS]: String(sends) };
}
