import type { Command, Context } from "../command.ts";
import type { AgentDocument } from "../documents.ts";
import { withClient } from "../open.ts";
import { writeJson } from "../output.ts";
import { table } from "../table.ts";
import { fromNow } from "../text.ts";

export const command: Command = (context) =>
  withClient(context, async (client) => {
    const { io, settings } = context;
    const agents = await client.agents();
    if (settings.json) {
      for (const agent of agents) await writeJson(io, agent);
      return;
    }
    const rows = agents.map((agent) => [
      agent.name,
      agent.backend,
      agent.labels.join(", "),
      workedOnBy(context, agent),
    ]);
    await io.write(table(["NAME", "BACKEND", "LABELS", "WORKED ON BY"], rows));
  });

function workedOnBy({ io }: Context, { remote, online, last_seen, machine }: AgentDocument) {
  if (!remote) return "this dispatcher";
  if (last_seen === undefined) return "a host that was never seen";
  return `${machine}, ${online ? "online" : "offline"}, last seen ${fromNow(last_seen, io.now())}`;
}
