import { argument, type Command } from "../command.ts";
import { findRun } from "../find-run.ts";
import { withLaunching } from "../open.ts";
import { tellRun } from "../watch.ts";

export const command: Command = (context) =>
  withLaunching(context, async (client) => {
    const { id } = await findRun(client, argument(context));
    return tellRun(context, client, await client.rerun(id));
  });
