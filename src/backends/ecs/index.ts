import { setTimeout } from "node:timers/promises";
import type { Agent } from "../../agent.ts";
import type { Backend, BackendModule, World } from "../../backend.ts";
import { type LaunchLimit, launchLimit } from "../../launch-rates.ts";
import type { Job } from "../../run.ts";
import { type EcsApi, ecsApi } from "./api.ts";
import { openDefinitions } from "./definitions.ts";
import { faultOf } from "./errors.ts";
import { findJobs } from "./find.ts";
import { inspectTasks } from "./inspect.ts";
import { refOf } from "./job.ts";
import { launchTask } from "./launch.ts";
import { type Reading, readEvents, readLog } from "./logs.ts";
import { accountOfArn, stopReason } from "./names.ts";
import { agentOptions, DEFAULT_LAUNCHES_PER_SECOND, type EcsAgentOptions } from "./options.ts";
import { knownRegion, profileRegion } from "./region.ts";
import { planLaunch } from "./request.ts";
import { openSources } from "./sources.ts";

/** Runs as tasks of Amazon ECS, on Fargate, EC2 or elsewhere. */
export const backend: BackendModule = {
  name: "ecs",
  agentOptions,
  open: (agent, world) => ecsBackend(agent, world),
};

function ecsBackend(agent: Agent, world: World): Backend {
  const options = agent.options as EcsAgentOptions;
  const { installation } = world;
  const api = ecsApi(world.env);
  const sources = openSources(agent, world, api);
  const definitions = openDefinitions(api, { once: world.once, scope: scopeOf(options, world) });
  const reading = readingOf(agent, world, { api, agentTemplate: sources.agentTemplate });
  const region = async () => knownRegion(options, world.env) ?? profileRegion(agent.name);
  const limit = limitOf(options, world);
  return {
    plan: (request) => planLaunch(request, { options, sources, installation, region }),
    launch: (plan, key, signal) =>
      limit({ target: key.target, signal }, () =>
        launchTask({ api, installation, definitions, known: sources.known }, { plan, key }, signal),
      ),
    find: (key) => findJobs({ ...reading, installation }, key),
    inspect: (jobs) => inspectTasks(reading, jobs),
    cancel: (job) => stop(api, job),
    logs: (job, after) => readLog(reading, job, after),
  };
}

function limitOf(options: EcsAgentOptions, world: World): LaunchLimit {
  const { launches_per_second: launches = DEFAULT_LAUNCHES_PER_SECOND } = options;
  return launchLimit(world, {
    backend: "ecs",
    rate: { launches, per: "second" },
    option: "launches_per_second",
    sleep: (ms, signal) => setTimeout(ms, undefined, { signal }),
  });
}

function readingOf(
  agent: Agent,
  { env, log }: World,
  parts: Pick<Reading, "api" | "agentTemplate">,
): Reading {
  const { log_group: logGroup } = agent.options as EcsAgentOptions;
  return { ...parts, agent: agent.name, log, logGroup, events: readEvents(env) };
}

/** ARNs hold the account: what may be another account has its own. */
function scopeOf({ cluster = "" }: EcsAgentOptions, { env }: World): string {
  const account = accountOfArn(cluster) ?? (env["AWS_PROFILE"] || "default");
  const endpoint = env["AWS_ENDPOINT_URL_ECS"] || env["AWS_ENDPOINT_URL"];
  return endpoint ? `${account}@${endpoint}` : account;
}

/** ECS sends SIGTERM, and SIGKILL after the container's stop timeout. A stopped task stays as it is. */
async function stop(api: EcsApi, job: Job): Promise<void> {
  const { region, cluster, task, startedBy } = refOf(job);
  try {
    await api.stopTask(region, { cluster, task, reason: stopReason(startedBy) });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** ECS forgets a stopped task after about an hour. */
function isGone(error: unknown): boolean {
  const { name, message } = faultOf(error);
  return (
    name === "ClusterNotFoundException" ||
    (name === "InvalidParameterException" && /not found/i.test(message))
  );
}
