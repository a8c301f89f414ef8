import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Options, textOption } from "./command.ts";

/** What holds for every command, from its options and the environment. */
export interface Settings {
  /** Path of `sluice.yml`. */
  readonly config: string;
  /** Whether it was asked for by name, so that it must be there. */
  readonly configRequired: boolean;
  readonly dataFolder: string;
  /** Whether results and errors are JSON. */
  readonly json: boolean;
  /** Where the HTTP API is reached; without it commands work on the data folder. */
  readonly api?: { readonly url: string; readonly token: string | undefined };
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const DATA_FOLDER = ".sluice";

/** Options win over variables, variables over defaults. An empty variable is none. */
export function settingsFrom(
  options: Options,
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Settings {
  const named = textOption(options, "config") ?? (env["SLUICE_CONFIG"] || undefined);
  const data = textOption(options, "data") ?? (env["SLUICE_DATA"] || undefined);
  const config = resolve(cwd, named ?? ownConfig(data, cwd) ?? "sluice.yml");
  const url = env["SLUICE_API_URL"] || undefined;
  return {
    config,
    configRequired: named !== undefined,
    dataFolder: data === undefined ? join(dirname(config), DATA_FOLDER) : resolve(cwd, data),
    json: options["json"] === true,
    ...(url === undefined ? {} : { api: { url, token: env["SLUICE_TOKEN"] || undefined } }),
    env,
    cwd,
  };
}

/**
 * The `sluice.yml` a data folder belongs to: the one beside a folder with the usual name. Any other folder
 * may lie where strangers can put a file beside it.
 */
function ownConfig(data: string | undefined, cwd: string): string | undefined {
  if (data === undefined) return undefined;
  const folder = resolve(cwd, data);
  if (basename(folder) !== DATA_FOLDER) return undefined;
  const config = join(dirname(folder), "sluice.yml");
  return existsSync(config) ? config : undefined;
}
