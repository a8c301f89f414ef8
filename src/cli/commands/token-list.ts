import type { Command } from "../command.ts";
import { writeJson } from "../output.ts";
import { table } from "../table.ts";
import { fromNow } from "../text.ts";
import { withTokens } from "../tokens.ts";

export const command: Command = async (context) => {
  const { io, settings } = context;
  const tokens = await withTokens(context, (tokens) => tokens.list());
  if (settings.json) {
    for (const { name, scope, createdAt } of tokens) {
      await writeJson(io, { name, scope, created_at: createdAt });
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
