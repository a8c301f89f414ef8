import type { Agent, EnvMap } from "./agent.ts";
import type { LaunchRequest } from "./backend.ts";
import type { Flow } from "./flow.ts";
import type { RunConfig } from "./run-config/index.ts";

/** What an engine knows of a run. */
export interface EngineContext {
  readonly run: LaunchRequest["run"];
  readonly launch: number;
  readonly flow: Flow;
  readonly config: RunConfig;
  readonly agent: Agent;
  /** The image the run executes in, where there is one. */
  readonly image?: string;
}

/**
 * Says what the process of a run executes, and which variables it needs. Pure.
 *
 * Variables come in layers, later ones win: what the process inherits, `defaults`, the agent's, the
 * run's, `required`, Sluice's own.
 */
export interface Engine {
  readonly name: EngineName;
  /** The argument list; undefined leaves the command to the image. */
  command(context: EngineContext): readonly string[] | undefined;
  /** Variables that agent and run may override. */
  defaults(context: EngineContext): EnvMap;
  /** Variables nobody may override. `lower` holds what the layers below have set. */
  required(context: EngineContext, lower: EnvMap): EnvMap;
  /** Names of variables whose values nobody may see, such as an API key. */
  readonly secrets: readonly string[];
}

export const ENGINES = ["command", "prefect1", "orion"] as const;
export type EngineName = (typeof ENGINES)[number];
