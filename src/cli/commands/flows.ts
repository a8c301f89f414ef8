import type { Command } from "../command.ts";
import type { FlowDocument } from "../documents.ts";
import { withClient } from "../open.ts";
import { writeJson } from "../output.ts";
import { table } from "../table.ts";
import { fromNow } from "../text.ts";

export const command: Command = (context) =>
  withClient(context, async (client) => {
    const { io, settings } = context;
    const flows: FlowDocument[] = [];
    let cursor: string | undefined;
    do {
      const page = await client.flows(cursor === undefined ? {} : { cursor });
      flows.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    if (settings.json) {
      for (const flow of flows) await writeJson(io, flow);
    } else if (flows.length === 0) {
      io.note("No flows are registered yet: `sluice register FILE` registers one.");
    } else {
      await io.write(
        table(["NAME", "VERSION", "RUN CONFIG", "REGISTERED"], flows.map(row(io.now()))),
      );
    }
  });

function row(now: Date) {
  return ({ name, version, flow, registered_at }: FlowDocument) => {
    const config = flow["run_config"];
    const type =
      typeof config === "object" && config !== null && "type" in config ? config.type : "";
    return [name, String(version), String(type ?? ""), fromNow(registered_at, now)];
  };
}
