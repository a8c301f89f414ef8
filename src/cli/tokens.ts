import { openEmbedded } from "../embedded/app.ts";
import { openSharedTable } from "../embedded/shared-table.ts";
import { PermanentError } from "../errors.ts";
import { silentLogger } from "../log.ts";
import type { TokenStore } from "../tokens.ts";
import type { Context } from "./command.ts";
import { deploymentTable } from "./deployment-table.ts";

/**
 * Opens the tokens of a deployment if `SLUICE_TABLE` names its table, else those of the data folder. No API
 * hands them out, so they are not managed through one.
 */
export async function withTokens<T>(
  { settings }: Context,
  work: (tokens: TokenStore) => Promise<T>,
): Promise<T> {
  if (settings.env["SLUICE_TABLE"]) {
    const { tokens } = await openSharedTable(deploymentTable(settings.env));
    return await work(tokens);
  }
  if (settings.api !== undefined) {
    throw new PermanentError(
      "unsupported",
      "tokens are managed on the machine of the dispatcher: call this there, without SLUICE_API_URL; for a deployment on AWS, name its table in SLUICE_TABLE",
    );
  }
  const embedded = await openEmbedded({ ...settings, log: silentLogger });
  try {
    return await work(embedded.app.tokens);
  } finally {
    embedded.close();
  }
}
