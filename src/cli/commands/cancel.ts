import { argument, type Command } from "../command.ts";
import { findRun } from "../find-run.ts";
import { withDispatcher } from "../open.ts";
import { stateName } from "../text.ts";

export const command: Command = (context) =>
  withDispatcher(context, async (dispatcher) => {
    const { io, settings } = context;
    await dispatcher.refresh();
    const before = await findRun(dispatcher, argument(context));
    const run = await dispatcher.cancel(before.id);
    if (settings.json) await io.write(`${JSON.stringify(run)}\n`);
    else {
      const already = before.final ? " already" : "";
      await io.write(
        `${io.paint("bold", run.name)} (${run.id}) is${already} ${stateName(io, run)}\n`,
      );
    }
  });
