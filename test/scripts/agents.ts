import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAgents } from "../../scripts/agents.ts";
import type { Agent } from "../../src/agent.ts";

/** Reads agents as a build does: the text of a `sluice.yml` below `agents:`. */
export async function agentsOf(yaml: string): Promise<readonly Agent[]> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-agents-"));
  try {
    const config = join(folder, "sluice.yml");
    writeFileSync(config, `agents:\n${yaml}`);
    return (await readAgents(config)).agents;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
