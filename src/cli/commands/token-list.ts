import type { Command } from "../command.ts";
import { table } from "../table.ts";
import { fromNow } from "../text.ts";
import { withTokens } from "../tokens.ts";

export const command: Command = async (context) => {
  const { io, settings } = context;
  const tokens = await withTokens(context, (tokens) => tokens.list());
  if (settings.json) {
    for (const { name, scope, createdAt } of tokens) {
      await io.write(`${JSON.stringify({ name, scope, created_at: createdAt })}\n`);
    }
  } else if (tokens.length === 0) {
    io.note("No tokens: `sluice token create NAME` makes one.");
  } else {
    const rows = tokens.map(({ name, scope, createdAt }) => [
      name,
      scope,
      fromNow(createdAt, io.now()),
    ]);
    await io.write(table(["NAME", "SCOPE", "CREATED"], rows));
  }
};
