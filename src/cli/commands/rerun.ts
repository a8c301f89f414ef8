import { argument, type Command } from "../command.ts";
import { findRun } from "../find-run.ts";
import { withLaunching } from "../open.ts";
import { tellRun } from "../watch.ts";

export const command: Command = (context) =>
  withLaunching(context, async (dispatcher) => {
    const { id } = await findRun(dispatcher, argument(context));
    return tellRun(context, dispatcher, await dispatcher.rerun(id));
  });
