import type { Engine, EngineName } from "../engine.ts";
import { commandEngine } from "./command.ts";
import { orionEngine } from "./orion.ts";
import { prefect1Engine } from "./prefect1.ts";

/** Everything that can execute a flow, by name. */
export const engines = {
  command: commandEngine,
  prefect1: prefect1Engine,
  orion: orionEngine,
} as const satisfies Readonly<Record<EngineName, Engine>>;
