import { argument, type Command } from "../command.ts";
import { completionScript } from "../completion/script.ts";

export const command: Command = async (context) =>
  context.io.write(completionScript(argument(context)));
