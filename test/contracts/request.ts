import { type Agent, type EnvMap, PREFECT_DEFAULTS } from "../../src/agent.ts";
import type { LaunchRequest } from "../../src/backend.ts";
import type { Engine } from "../../src/engine.ts";
import type { Flow } from "../../src/flow.ts";
import type { JsonObject } from "../../src/json.ts";
import type { RunConfig } from "../../src/run-config/index.ts";

/** What a test says of a launch request; everything else has a plain value. */
export interface RequestParts {
  /** Default: `run-1`. */
  readonly runId?: string;
  /** Default: `brave-otter`. */
  readonly runName?: string;
  readonly parameters?: JsonObject;
  /** Default: 1. */
  readonly launch?: number;
  readonly flow?: Partial<Flow>;
  /** Default: a Prefect 1 `UniversalRun` without options. */
  readonly config?: Partial<RunConfig>;
  /** Default: an agent `test` without labels, variables and options. */
  readonly agent?: Partial<Agent>;
  /** What the process executes. Default: `true`; null leaves it to the image. */
  readonly command?: readonly string[] | null;
  /** Variables of the run, on top of those in `config`. */
  readonly env?: EnvMap;
  /** Replaces the engine that runs `command`. */
  readonly engine?: Engine;
}

/** A launch request as `dispatch` would make it, from as little as a test wants to say. */
export function launchRequest(parts: RequestParts = {}): LaunchRequest {
  const config = testConfig(parts.config);
  return {
    run: {
      id: parts.runId ?? "run-1",
      name: parts.runName ?? "brave-otter",
      parameters: parts.parameters ?? {},
    },
    launch: parts.launch ?? 1,
    flow: { name: "nightly-load", ...parts.flow },
    config: { ...config, env: { ...config.env, ...parts.env } },
    agent: testAgent(parts.agent),
    engine: parts.engine ?? commandOnly(parts.command === undefined ? ["true"] : parts.command),
  };
}

/** An agent that has nothing but a name and the given parts. */
export function testAgent(parts: Partial<Agent> = {}): Agent {
  return {
    name: "test",
    backend: "local",
    labels: [],
    env: {},
    prefect: PREFECT_DEFAULTS,
    templates: [],
    allow: [],
    remote: false,
    options: {},
    ...parts,
  };
}

/** An engine that runs one fixed command (null: the image's own) and sets no variables. */
export function commandOnly(command: readonly string[] | null): Engine {
  return {
    name: "command",
    command: () => command ?? undefined,
    defaults: () => ({}),
    required: () => ({}),
    secrets: [],
  };
}

function testConfig(parts: Partial<RunConfig> = {}): RunConfig {
  return {
    dialect: "prefect1",
    type: "UniversalRun",
    backend: "any",
    labels: [],
    env: {},
    options: {},
    ...parts,
  };
}
