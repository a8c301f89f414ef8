import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Agent } from "../src/agent.ts";
import { agentReader } from "../src/backends/open.ts";
import { invalid, messageOf } from "../src/errors.ts";
import { placeBesideFunctions } from "../src/place.ts";
import { CLOUD } from "../src/run.ts";

/** The options of agents that hold the address of a template. */
const ADDRESSES = ["task_definition_path", "run_task_kwargs_path", "job_template_path"];

/**
 * The document of a `sluice.yml`, and those of its agents that functions launch for: whatever is made for
 * a deployment is made for these alone. Throws `PermanentError` with all faults.
 */
export async function readAgents(
  config: string,
): Promise<{ readonly document: unknown; readonly agents: readonly Agent[] }> {
  const document = documentIn(config);
  const agents = await agentReader().parse(document);
  return { document, agents: agents.filter((agent) => placeBesideFunctions(agent) === CLOUD) };
}

function documentIn(config: string): unknown {
  try {
    return parse(readFileSync(config, "utf8"));
  } catch (error) {
    const message = `expected a file of YAML that can be read: ${messageOf(error)}`;
    throw invalid(config, [{ path: "", message }]);
  }
}

/** The addresses of templates in an agent's own options. */
export function ownTemplates({
  options,
}: Agent): readonly { readonly key: string; readonly address: string }[] {
  return ADDRESSES.flatMap((key) => {
    const address = options[key];
    return typeof address === "string" && address !== "" ? [{ key, address }] : [];
  });
}
