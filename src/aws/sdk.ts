import type { Env } from "./settings.ts";

/**
 * Settings every client of the SDK shares. Credentials and endpoints come from the SDK's own chain, which
 * reads the same variables; a function always has a region.
 */
export function sdkSettings(env: Env): { readonly region?: string } {
  const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"];
  return region === undefined ? {} : { region };
}
