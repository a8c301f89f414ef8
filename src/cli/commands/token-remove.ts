import { PermanentError } from "../../errors.ts";
import { argument, type Command } from "../command.ts";
import { writeJson } from "../output.ts";
import { withTokens } from "../tokens.ts";

export const command: Command = async (context) => {
  const { io, settings } = context;
  const name = argument(context);
  if (!(await withTokens(context, (tokens) => tokens.remove(name)))) {
    throw new PermanentError(
      "not_found",
      `no token ${name} is known: \`sluice token list\` lists them`,
    );
  }
  await (settings.json
    ? writeJson(io, { name, removed: true })
    : io.write(`Token ${name} is removed.\n`));
};
