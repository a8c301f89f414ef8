import type { EnvMap, EnvValue } from "./agent.ts";
import type { LaunchRequest } from "./backend.ts";
import type { EngineContext } from "./engine.ts";

/** One variable of a process. */
export interface Variable {
  readonly name: string;
  /** As written: numbers and booleans are turned to text by whoever sends them. */
  readonly value: EnvValue;
  /** Nobody may see the value: it comes from the agent, a secret, or is an engine's key. */
  readonly secret: boolean;
}

/** What a run executes: the argument list (undefined: the image's own) and its variables, in order. */
export interface RunProcess {
  readonly command: readonly string[] | undefined;
  readonly variables: readonly Variable[];
}

/**
 * Puts together what a run executes. Variables come in layers, later ones win and keep the place of
 * the first: `inherited`, the engine's defaults, the agent's, the run's, the engine's required ones,
 * Sluice's own.
 */
export function processOf(
  request: LaunchRequest,
  options: { readonly image?: string; readonly inherited?: EnvMap } = {},
): RunProcess {
  const { run, launch, flow, config, agent, engine } = request;
  const context: EngineContext = {
    run,
    launch,
    flow,
    config,
    agent,
    ...(options.image === undefined ? {} : { image: options.image }),
  };
  const layers = new Map<string, Variable>();
  const put = (map: EnvMap, secret: boolean) => {
    for (const [name, value] of Object.entries(map)) layers.set(name, { name, value, secret });
  };
  put(options.inherited ?? {}, true);
  put(engine.defaults(context), false);
  put(agent.env, true);
  put(config.env, false);
  put(engine.required(context, valuesOf(layers)), false);
  put(sluiceVariables(request), false);
  const hidden = new Set(engine.secrets);
  return {
    command: engine.command(context),
    variables: [...layers.values()].map((variable) =>
      hidden.has(variable.name) && variable.value !== "" ? { ...variable, secret: true } : variable,
    ),
  };
}

/** The variables every process of a run has. */
export function sluiceVariables({ run, launch, flow }: LaunchRequest): EnvMap {
  return {
    SLUICE_RUN_ID: run.id,
    SLUICE_RUN_NAME: run.name,
    SLUICE_FLOW_NAME: flow.name,
    ...(flow.version === undefined ? {} : { SLUICE_FLOW_VERSION: String(flow.version) }),
    SLUICE_LAUNCH: String(launch),
    SLUICE_PARAMETERS: JSON.stringify(run.parameters),
  };
}

/** The names of those variables whose values nobody may see. */
export function secretNames(variables: readonly Variable[]): string[] {
  return variables.filter(({ secret }) => secret).map(({ name }) => name);
}

function valuesOf(layers: ReadonlyMap<string, Variable>): EnvMap {
  return Object.fromEntries([...layers.values()].map(({ name, value }) => [name, value]));
}
