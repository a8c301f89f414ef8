import type { Command } from "../command.ts";
import { withDispatcher } from "../open.ts";
import { table } from "../table.ts";

export const command: Command = (context) =>
  withDispatcher(context, async (dispatcher) => {
    const { io, settings } = context;
    const agents = await dispatcher.agents();
    if (settings.json) {
      for (const agent of agents) await io.write(`${JSON.stringify(agent)}\n`);
      return;
    }
    const rows = agents.map(({ name, backend, labels, remote }) => [
      name,
      backend,
      labels.join(", "),
      remote ? "a machine of its own" : "this dispatcher",
    ]);
    await io.write(table(["NAME", "BACKEND", "LABELS", "WORKED ON BY"], rows));
  });
