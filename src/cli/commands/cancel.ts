import { argument, type Command } from "../command.ts";
import { findRun } from "../find-run.ts";
import { withClient } from "../open.ts";
import { writeJson } from "../output.ts";
import { stateName } from "../text.ts";

export const command: Command = (context) =>
  withClient(context, async (client) => {
    const { io, settings } = context;
    await client.refresh();
    const before = await findRun(client, argument(context));
    const run = await client.cancel(before.id);
    if (settings.json) await writeJson(io, run);
    else {
      const already = before.final ? " already" : "";
      await io.write(
        `${io.paint("bold", run.name)} (${run.id}) is${already} ${stateName(io, run)}\n`,
      );
    }
  });
