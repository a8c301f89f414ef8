import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "../../agent.ts";
import type {
  Backend,
  BackendModule,
  LaunchAnswer,
  LaunchPlan,
  LaunchRequest,
  LogPage,
  World,
} from "../../backend.ts";
import { checked } from "../../check.ts";
import { messageOf, PermanentError } from "../../errors.ts";
import { leaveElsewhere, logElsewhere } from "../../other-machines.ts";
import { secretNames } from "../../process.ts";
import type { Job, LaunchKey } from "../../run.ts";
import { shownPlans } from "../../show-log.ts";
import { SECOND } from "../../time.ts";
import { addressOf, defaultUrl, targetOf } from "./address.ts";
import { type DockerEngine, openEngines } from "./engine.ts";
import { environmentOf, textOf } from "./environment.ts";
import { jobOf, refOf } from "./job.ts";
import { isOwn, LAUNCH, labelsOfInstallation, RUN_ID } from "./labels.ts";
import { type Launcher, launchContainer } from "./launch.ts";
import { followLog, readLog } from "./logs.ts";
import { agentOptions, type DockerOptions } from "./options.ts";
import { registryOf } from "./pull.ts";
import { prepare, toLaunch } from "./request.ts";
import { statusesOf } from "./statuses.ts";
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
  const shown = shownPlans(options.show_flow_logs);
  return {
    plan: async (request) => shown.note(request, await planLaunch(request, planning)),
    async launch(plan, key, signal) {
      const engine = engineAt(key.target);
      const answer = await launchThere(plan, key, { ...planning, engine, signal });
      if (answer.type === "launched" && shown.has(plan)) {
        void followLog(world, key.runId, { api: engine.api, id: refOf(answer.job).id });
      }
      return answer;
    },
    find: (key) => findJobs(key, engineAt(key.target), world),
    inspect: (jobs) => statusesOf(jobs, { engineAt, own: target, world }),
    cancel: (job) => cancelJob(job, { options, world, engineAt }),
    async tidy(jobs, signal) {
      const engines = new Set(jobs.map((job) => engineAt(refOf(job).target)));
      await Promise.all([...engines].map((engine) => engine.tidy(signal)));
    },
    logs: (job, after) => logsOf(job, after, { options, engineAt }),
  };
}

interface Planning {
  readonly options: DockerOptions;
  readonly platform: string;
  readonly world: World;
  readonly engine: DockerEngine;
}

async function planLaunch(
  request: LaunchRequest,
  { options, platform, world, engine }: Planning,
): Promise<LaunchPlan> {
  const prepared = prepare(request, options, { platform, installation: world.installation });
  const { variables } = prepared.process;
  const env = await environmentOf(variables, (reference) => world.secret(reference));
  const { version, warning } = await engine.version();
  return {
    target: await engine.identity.target(),
    launch: toLaunch(prepared, { version, env }),
    secrets: secretNames(variables),
    warnings: [...prepared.warnings, ...(warning === undefined ? [] : [warning])],
  };
}

type Launching = Planning & Pick<Launcher, "signal">;

async function launchThere(
  plan: LaunchPlan,
  key: LaunchKey,
  launching: Launching,
): Promise<LaunchAnswer> {
  const { engine } = launching;
  engine.listen();
  const moved = await whyNotThere(key.target, engine);
  if (moved !== undefined) return { type: "unavailable", message: moved };
  return launchContainer(plan, key, launcherAt(key.target, launching));
}

function launcherAt(
  target: string,
  { options, platform, world, engine, signal }: Launching,
): Launcher {
  return {
    api: engine.api,
    target,
    installation: world.installation,
    signal,
    pause: (ms) => sleep(ms, undefined, { signal }),
    volumes: volumesOf(options.volumes, platform).named,
    log: world.log,
    credentials: (image) => credentialsFor(image, options, world),
  };
}

/** Why a launch cannot be made where it was planned: another engine listens there, or none answers. */
async function whyNotThere(
  target: string,
  { api, identity }: DockerEngine,
): Promise<string | undefined> {
  try {
    if (await identity.isHere(target)) return undefined;
    return `another engine listens at ${api.target} than the launch was planned for`;
  } catch (error) {
    return messageOf(error);
  }
}

async function findJobs(key: LaunchKey, engine: DockerEngine, world: World): Promise<Job[]> {
  const { runId, launch, target } = key;
  engine.listen();
  const { installation } = world;
  const marks = [`${RUN_ID}=${runId}`, `${LAUNCH}=${launch}`];
  const found = await engine.api.list({ label: [...marks, ...labelsOfInstallation(installation)] });
  // What was made and never started is no job yet: the launch goes on with it.
  const jobs = found
    .filter(({ State, Labels }) => State !== "created" && isOwn(Labels ?? {}, key, installation))
    .map(({ Id, Names: [name = Id] }) => jobOf({ id: Id, name: name.replace(/^\//, ""), target }));
  if (jobs.length === 0) {
    const what = `launch ${launch} of run ${runId} was begun at ${target}`;
    await leaveIfElsewhere(what, target, { engine, world });
  }
  return jobs;
}

interface Working {
  readonly options: DockerOptions;
  readonly world: World;
  readonly engineAt: (target: string) => DockerEngine;
}

async function cancelJob(job: Job, { options, world, engineAt }: Working): Promise<void> {
  const ref = refOf(job);
  const engine = engineAt(ref.target);
  if (await engine.api.stop(ref.id, options.stop_seconds)) return;
  await leaveIfElsewhere(`${job.id} is at ${ref.target}`, ref.target, { engine, world });
}

async function logsOf(
  job: Job,
  after: string | undefined,
  { options, engineAt }: Pick<Working, "options" | "engineAt">,
): Promise<LogPage> {
  const ref = refOf(job);
  const signal = AbortSignal.timeout(options.docker_client_timeout * SECOND);
  const engine = engineAt(ref.target);
  try {
    return await readLog(engine.api, ref, { after, signal });
  } catch (error) {
    const isGone = error instanceof PermanentError && error.code === "not_found";
    if (!isGone || !(await engine.identity.isOther(ref.target))) throw error;
    throw logElsewhere(job, ref.target);
  }
}

/** Throws if something is left to another engine than the one that listens at a target now. */
async function leaveIfElsewhere(
  what: string,
  target: string,
  { engine, world: { machine } }: { readonly engine: DockerEngine; readonly world: World },
): Promise<void> {
  if (machine === undefined || !(await engine.identity.isOther(target))) return;
  await leaveElsewhere(what, machine);
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
