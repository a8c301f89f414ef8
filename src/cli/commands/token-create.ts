import { newToken } from "../../http/tokens.ts";
import { timestamp } from "../../time.ts";
import { SCOPES } from "../../tokens.ts";
import { argument, type Command, textOption } from "../command.ts";
import { writeJson } from "../output.ts";
import { withTokens } from "../tokens.ts";

export const command: Command = async (context) => {
  const { io, options, settings } = context;
  const asked = textOption(options, "scope");
  const scope = SCOPES.find((scope) => scope === asked) ?? "read";
  const { text, token } = newToken(argument(context), scope, timestamp(io.now()));
  await withTokens(context, (tokens) => tokens.add(token));
  const { name, createdAt } = token;
  if (settings.json) {
    return writeJson(io, { name, scope, created_at: createdAt, token: text });
  }
  io.note(`Token ${name} may ${MAY[scope]}. It is shown only now. Set it as SLUICE_TOKEN:`);
  return io.write(`${text}\n`);
};

const MAY = {
  read: "read",
  run: "read, start and cancel runs and register flows",
  admin: "do everything",
} as const;
