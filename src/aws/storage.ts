import type { App } from "../app.ts";
import type { World } from "../backend.ts";
import type { AwsSettings, Env } from "./settings.ts";

/** What the AWS shape keeps things in. */
export interface Storage extends Pick<App, "store" | "registry" | "tokens" | "queue"> {
  readonly readTemplate: World["readTemplate"];
  readonly secret: World["secret"];
}

/** Opens table, queue, templates and secrets. */
export function openStorage(_options: {
  readonly settings: AwsSettings;
  readonly env: Env;
  now(): Date;
  newId(): string;
}): Storage {
  throw new Error("not yet");
}
