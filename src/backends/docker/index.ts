import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "../../agent.ts";
import type { Backend, BackendModule, LaunchPlan, LaunchRequest, World } from "../../backend.ts";
import { checked } from "../../check.ts";
import { secretNames } from "../../process.ts";
import type { Job, JobStatus, LaunchKey } from "../../run.ts";
import { SECOND } from "../../time.ts";
import { addressOf, defaultUrl, targetOf } from "./address.ts";
import { type Engine, openEngines } from "./engine.ts";
import { environmentOf, textOf } from "./environment.ts";
import { UnreachableError } from "./errors.ts";
import { jobOf, refOf } from "./job.ts";
import { LAUNCH, RUN_ID } from "./labels.ts";
import { type Launcher, launchContainer } from "./launch.ts";
import { readLog, showLog } from "./logs.ts";
import { agentOptions, type DockerOptions } from "./options.ts";
import { registryOf } from "./pull.ts";
import { launchOf, prepare } from "./request.ts";
import { lost } from "./status.ts";
import type { Credentials } from "./transport.ts";
import { volumesOf } from "./volumes.ts";

/** Runs as containers of a Docker engine. */
export const backend: BackendModule = {
  name: "docker",
  agentOptions,
  open: (agent, world) => dockerBackend(agent, world),
};

/** The backend of one agent. `platform` is that of the machine it works on, which has its paths. */
export function dockerBackend(
  agent: Agent,
  world: World,
  platform: string = process.platform,
): Backend {
  const options = checked(agentOptions, agent.options, `the agent ${agent.name}`);
  const target = targetFrom(options, platform);
  const engineAt = openEngines(agent.name, world, options.docker_client_timeout);
  const planning = { options, platform, world, engine: engineAt(target) };
  // Whether output is shown is no part of what is sent, so it is kept beside the plan.
  const shown = new WeakSet<LaunchPlan>();
  return {
    async plan(request) {
      const plan = await planLaunch(request, planning);
      if (isShown(request, options)) shown.add(plan);
      return plan;
    },
    async launch(plan, key, signal) {
      const engine = engineAt(key.target);
      engine.listen();
      const launcher = launcherFor({ ...planning, engine }, signal);
      const answer = await launchContainer(plan, key, launcher);
      if (answer.type === "launched" && shown.has(plan)) {
        void showLog(world, key.runId, { api: engine.api, id: refOf(answer.job).id });
      }
      return answer;
    },
    find: (key) => findJobs(key, engineAt(key.target)),
    inspect: (jobs) => inspectAll(jobs, engineAt, target),
    async cancel(job) {
      const ref = refOf(job);
      await engineAt(ref.target).api.stop(ref.id, options.stop_seconds);
    },
    async logs(job, after) {
      const ref = refOf(job);
      const signal = AbortSignal.timeout(options.docker_client_timeout * SECOND);
      return readLog(engineAt(ref.target).api, ref, { after, signal });
    },
  };
}

interface Planning {
  readonly options: DockerOptions;
  readonly platform: string;
  readonly world: World;
  readonly engine: Engine;
}

async function planLaunch(
  request: LaunchRequest,
  { options, platform, world, engine }: Planning,
): Promise<LaunchPlan> {
  const prepared = prepare(request, options, platform);
  const { variables } = prepared.process;
  const env = await environmentOf(variables, (reference) => world.secret(reference));
  const { version, warning } = await engine.version();
  return {
    target: engine.api.target,
    launch: launchOf(prepared, { version, env }),
    secrets: secretNames(variables),
    warnings: [...prepared.warnings, ...(warning === undefined ? [] : [warning])],
  };
}

function launcherFor(
  { options, platform, world, engine }: Planning,
  signal: AbortSignal,
): Launcher {
  return {
    api: engine.api,
    signal,
    pause: (ms) => sleep(ms, undefined, { signal }),
    volumes: volumesOf(options.volumes, platform).named,
    log: world.log,
    credentials: (image) => credentialsFor(image, options, world),
  };
}

async function findJobs({ runId, launch, target }: LaunchKey, engine: Engine): Promise<Job[]> {
  engine.listen();
  const found = await engine.api.list({ label: [`${RUN_ID}=${runId}`, `${LAUNCH}=${launch}`] });
  // What was made and never started is no job yet: the launch goes on with it.
  return found
    .filter(({ State }) => State !== "created")
    .map(({ Id, Names: [name = Id] }) => jobOf({ id: Id, name: name.replace(/^\//, ""), target }));
}

async function inspectAll(
  jobs: readonly Job[],
  engineAt: (target: string) => Engine,
  own: string,
): Promise<readonly JobStatus[]> {
  const refs = jobs.map(refOf);
  const byTarget = Map.groupBy(refs, ({ target }) => target);
  const statuses = new Map<string, JobStatus>();
  // An engine the agent has left may be gone for ever, which must not hide the jobs on its own one.
  const unreached = (error: unknown, ids: readonly string[], target: string) => {
    if (!(error instanceof UnreachableError) || target === own) throw error;
    return new Map<string, JobStatus>(
      ids.map((id) => [id, { type: "pending", detail: error.message }]),
    );
  };
  for (const [target, group] of byTarget) {
    const engine = engineAt(target);
    engine.listen();
    const ids = [...new Set(group.map(({ id }) => id))];
    const answers = await engine
      .inspect(ids)
      .catch((error: unknown) => unreached(error, ids, target));
    for (const [id, status] of answers) statuses.set(`${target} ${id}`, status);
  }
  return refs.map(
    ({ id, target }) => statuses.get(`${target} ${id}`) ?? lost("nobody was asked about it"),
  );
}

async function credentialsFor(
  image: string,
  options: DockerOptions,
  world: World,
): Promise<Credentials | undefined> {
  const registry = registryOf(image);
  const auth = options.registry_auth[registry];
  if (auth === undefined) return undefined;
  return {
    username: auth.username,
    password: await textOf(auth.password, (reference) => world.secret(reference)),
    serveraddress: registry === "docker.io" ? "https://index.docker.io/v1/" : registry,
  };
}

function targetFrom(options: DockerOptions, platform: string): string {
  const url = options.base_url ?? defaultUrl(platform);
  const address = addressOf(url);
  return typeof address === "string" ? url : targetOf(address);
}

function isShown({ config }: LaunchRequest, options: DockerOptions): boolean {
  return options.show_flow_logs || config.options["stream_output"] === true;
}
