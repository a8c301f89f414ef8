import { openEmbedded } from "../embedded/app.ts";
import { PermanentError } from "../errors.ts";
import { silentLogger } from "../log.ts";
import type { TokenStore } from "../tokens.ts";
import type { Context } from "./command.ts";

/** Opens the tokens of the data folder. No API hands them out, so they are not managed through one. */
export async function withTokens<T>(
  { settings }: Context,
  work: (tokens: TokenStore) => Promise<T>,
): Promise<T> {
  if (settings.api !== undefined) {
    throw new PermanentError(
      "unsupported",
      "tokens are managed on the machine of the dispatcher: call this there, without SLUICE_API_URL",
    );
  }
  const embedded = await openEmbedded({ ...settings, log: silentLogger });
  try {
    return await work(embedded.app.tokens);
  } finally {
    embedded.close();
  }
}
