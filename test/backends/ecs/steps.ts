import { vi } from "vitest";
import type { Agent } from "../../../src/agent.ts";
import type { Backend, LaunchAnswer, LaunchPlan, World } from "../../../src/backend.ts";
import { backend as ecs } from "../../../src/backends/ecs/index.ts";
import { agentOptions } from "../../../src/backends/ecs/options.ts";
import { PermanentError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/json.ts";
import type { Once } from "../../../src/registry.ts";
import type { Job, LaunchKey } from "../../../src/run.ts";
import { launchRequest, type RequestParts, testAgent } from "../../contracts/request.ts";
import type { FakeEcs } from "../../fakes/ecs.ts";
import { testWorld } from "../../fakes/world.ts";

/** A registry that all backends of a test share, as processes share the real one. */
export function sharedOnce(): Once {
  const values = new Map<string, Promise<string>>();
  return (key, make) => {
    const known = values.get(key);
    if (known !== undefined) return known;
    const fresh = make();
    values.set(key, fresh);
    fresh.catch(() => values.delete(key));
    return fresh;
  };
}

/** An agent with these options, as `sluice.yml` would have it. */
export function ecsAgent(options: JsonObject = {}, parts: Partial<Agent> = {}): Agent {
  return testAgent({
    name: "prod",
    backend: "ecs",
    options: agentOptions.parse(options),
    ...parts,
  });
}

/** The backend of an agent on a fake ECS, as a process that has just started opens it. */
export function openEcs(fake: FakeEcs, agent = ecsAgent(), world: Partial<World> = {}): Backend {
  return ecs.open(agent, testWorld({ env: fake.env, now: fake.now, ...world }));
}

/** A request whose flow has an image, on the given agent. */
export function ecsRequest({ flow, ...parts }: RequestParts = {}, agent = ecsAgent()) {
  const storage = { type: "Docker", image_name: "etl", image_tag: "1" };
  return launchRequest({ ...parts, flow: { storage, ...flow }, agent });
}

/** A request with the options of an `ECSRun`. */
export function ecsRun(options: JsonObject, parts: RequestParts = {}, agent = ecsAgent()) {
  return ecsRequest({ ...parts, config: { type: "ECSRun", backend: "ecs", options } }, agent);
}

export function keyOf(plan: LaunchPlan, runId = "run-1", launch = 1): LaunchKey {
  return { runId, launch, target: plan.target };
}

export function signal(): AbortSignal {
  return new AbortController().signal;
}

/** Plans a request and launches it. */
export async function launch(backend: Backend, parts: RequestParts = {}): Promise<LaunchAnswer> {
  const plan = await backend.plan(ecsRequest(parts));
  return backend.launch(plan, keyOf(plan, parts.runId, parts.launch), signal());
}

/** The job of an answer. Throws if nothing was launched. */
export function jobOf(answer: LaunchAnswer): Job {
  if (answer.type !== "launched") throw new Error(`not launched: ${JSON.stringify(answer)}`);
  return answer.job;
}

/** A strategy of these providers. */
export function providers(...names: readonly string[]) {
  return names.map((capacityProvider) => ({ capacityProvider, weight: 1 }));
}

/** The refusal of a plan. Throws if there was none. */
export async function faultOf(planning: Promise<unknown>): Promise<PermanentError> {
  const thrown = await planning.catch((error: unknown) => error);
  if (thrown instanceof PermanentError) return thrown;
  throw new Error(`expected a PermanentError, got ${String(thrown)}`);
}

/**
 * Works with the variables of a process that has no credentials: its profile does not exist, so that
 * nothing on this machine can lend some.
 */
export async function withoutProfile(work: (env: World["env"]) => Promise<unknown>): Promise<void> {
  const env = {
    AWS_PROFILE: "nobody",
    AWS_CONFIG_FILE: "/no/such/file",
    AWS_SHARED_CREDENTIALS_FILE: "/no/such/file",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    await work(env);
  } finally {
    vi.unstubAllEnvs();
  }
}
