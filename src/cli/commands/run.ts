import { argument, type Command } from "../command.ts";
import { withLaunching } from "../open.ts";
import { requestFrom } from "../request.ts";
import { tellRun } from "../watch.ts";

export const command: Command = async (context) => {
  const message = await requestFrom(context, argument(context));
  return withLaunching(context, async (client) =>
    tellRun(context, client, await client.submit(message)),
  );
};
