import { setTimeout } from "node:timers/promises";
import type { Agent } from "../../agent.ts";
import type { Backend, BackendModule, World } from "../../backend.ts";
import { checked } from "../../check.ts";
import { CredentialsError } from "../../credentials/google.ts";
import { PermanentError } from "../../errors.ts";
import { launchLimit } from "../../launch-rates.ts";
import type { Connection } from "./api.ts";
import { cancelJob } from "./cancel.ts";
import type { Credentials } from "./credentials.ts";
import { findJobs } from "./find.ts";
import { ASKING_MS, type Inspector, inspectJobs } from "./inspect.ts";
import { parentOf } from "./job.ts";
import { ownerOf } from "./labels.ts";
import { type Launcher, launchJob } from "./launch.ts";
import { isNone } from "./none.ts";
import { agentOptions, DEFAULT_REGION, type VertexAgentOptions } from "./options.ts";
import { credentialsFor, regionalApis } from "./regions.ts";
import { planJob } from "./request.ts";

/** Runs flows as CustomJobs of Vertex AI. */
export const backend: BackendModule = {
  name: "vertex",
  agentOptions,
  open: (agent, world) => vertexBackend(agent, world),
};

/** What the backend takes from the process it lives in; a test brings its own. */
export interface Surroundings {
  readonly sleep: Launcher["sleep"];
  readonly credentials: () => Credentials;
  readonly clientOptions: Connection["clientOptions"];
  /** Ends the asking about jobs. Default: after `ASKING_MS`. */
  readonly deadline: Inspector["deadline"];
}

/** Opens the backend for one agent; Google's client is loaded by the first call that needs it. */
export function vertexBackend(
  agent: Agent,
  world: World,
  surroundings: Partial<Surroundings> = {},
): Backend {
  const { name } = agent;
  const options = checked(agentOptions, agent.options, { what: `agent ${name}`, at: "agent" });
  const { closing, installation, log } = world;
  const { clientOptions, sleep = sleepUntil, deadline = askingTime } = surroundings;
  const project = options.project ?? ambientProject(world);
  const credentials = surroundings.credentials?.() ?? credentialsFor(options);
  const apiFor = regionalApis(options, { credentials, clientOptions, closing });
  const whose = { owner: ownerOf(agent, options), installation };
  const finder = { apiFor, ...whose };
  const inspector = { ...finder, agent: name, log, now: () => world.now(), deadline };
  const launcher: Launcher = {
    apiFor,
    secrets: (reference) => world.secret(reference),
    find: (key, signal) => findJobs(finder, key, signal),
    sleep,
  };
  const limit = launchLimit(world, {
    backend: "vertex",
    rate: { launches: options.submissions_per_minute, per: "minute" },
    option: "submissions_per_minute",
    sleep,
  });
  return {
    async plan(request) {
      if (world.env["GOOGLE_APPLICATION_CREDENTIALS"]) await refuseUnusable(credentials);
      const known = project ?? (await credentials.projectId(name));
      return planJob(request, { options, ...whose, parent: parentOf(known, regionName(options)) });
    },
    launch: (plan, key, signal) =>
      limit({ target: key.target, signal }, () => launchJob(launcher, { plan, key, signal })),
    find: (key) => findJobs(finder, key),
    inspect: (jobs) => inspectJobs(inspector, jobs),
    cancel: (job) => cancelJob(apiFor, job),
  };
}

/** A file of credentials that cannot be used is known without asking anybody. */
async function refuseUnusable(credentials: Credentials): Promise<void> {
  try {
    await credentials.find();
  } catch (error) {
    const lasting = error instanceof CredentialsError && error.lasting;
    throw lasting ? new PermanentError("rejected", error.message, { cause: error }) : error;
  }
}

function regionName({ region_name: region }: VertexAgentOptions): string {
  return isNone(region) || region === "" ? DEFAULT_REGION : region;
}

/** The variables Google's libraries read first. */
function ambientProject({ env }: World): string | undefined {
  return env["GOOGLE_CLOUD_PROJECT"] ?? env["GCLOUD_PROJECT"];
}

async function sleepUntil(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal });
}

function askingTime(): AbortSignal {
  return AbortSignal.timeout(ASKING_MS);
}
