import * as z from "zod";
import type { Backend, BackendModule, LaunchAnswer, LaunchPlan, World } from "../../backend.ts";
import { checked } from "../../check.ts";
import { PermanentError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { Job, LaunchKey } from "../../run.ts";
import { SECOND } from "../../time.ts";
import { type KubernetesApi, kubernetesApi } from "./api.ts";
import { connect } from "./connect.ts";
import { answerTo, KubernetesError } from "./errors.ts";
import { look } from "./inspect.ts";
import { readLogs } from "./logs.ts";
import {
  jobName,
  LAUNCH_LABEL,
  launchSelector,
  namespaceOf,
  ownerLabels,
  RUN_LABEL,
  targetOf,
} from "./names.ts";
import { condition, type JobJson } from "./objects.ts";
import { type AgentOptions, agentOptions, runOptions } from "./options.ts";
import { refOf, toJob } from "./ref.ts";
import { plannedJob } from "./request.ts";
import { asSent } from "./send.ts";
import { CANCELLED, stopPatch, stoppedEnd } from "./stop.ts";
import { templateOf } from "./template.ts";
import { tidier } from "./tidy.ts";

/** Runs as Jobs of a Kubernetes cluster. */
export const backend: BackendModule = {
  name: "kubernetes",
  agentOptions,
  open: (agent, world) => {
    const options = checked(agentOptions, agent.options, `the options of agent ${agent.name}`);
    return kubernetesBackend(
      options,
      world,
      kubernetesApi(() => connect(options, world)),
    );
  },
};

/** The backend over an API server that may not have been found yet. */
export function kubernetesBackend(
  options: AgentOptions,
  world: World,
  api: KubernetesApi,
): Backend {
  const tidy = tidier(api, world);
  return {
    plan: (request) => planOf(request, options, world),
    launch: (plan, key, signal) => launchJob(plan, key, { api, world, signal }),
    find: async (key) => {
      const jobs = await api.listJobs(namespaceOf(key.target), launchSelector(key));
      return jobs.map(toJob);
    },
    inspect: async (jobs) => {
      if (jobs.length === 0) return [];
      const patience = {
        now: world.now(),
        startMs: options.start_grace_seconds * SECOND,
        pendingMs: options.pending_grace_seconds * SECOND,
      };
      const seen = await look(jobs, { api, patience, log: world.log });
      if (options.delete_finished_jobs) await tidy.after(seen);
      const statuses = new Map(seen.map(({ job, status }) => [toJob(job).id, status]));
      return jobs.map(({ id }) => statuses.get(id) ?? { type: "missing" });
    },
    cancel: (job) => cancelJob(api, job),
    logs: (job, after) => readLogs(api, refOf(job), after),
  };
}

async function planOf(
  request: Parameters<Backend["plan"]>[0],
  options: AgentOptions,
  world: World,
): Promise<LaunchPlan> {
  const { agent, config } = request;
  const run = checked(runOptions, config.options, "the run config", "run_config");
  const template = await templateOf({
    run,
    agent,
    options,
    read: world.readTemplate,
    container: config.dialect === "orion" ? "job" : "flow",
  });
  const planned = plannedJob({ request, run, options, template });
  const { namespace, job, secrets, warnings } = planned;
  const target = targetOf(options.context, namespace);
  return { target, launch: { namespace, job }, secrets, warnings };
}

const launchSchema = z.object({
  namespace: z.string(),
  job: z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>,
});

interface Launching {
  readonly api: KubernetesApi;
  readonly world: World;
  readonly signal: AbortSignal;
}

/** The name of the Job is the key: Kubernetes itself sees to it that there is only one. */
async function launchJob(
  plan: LaunchPlan,
  key: LaunchKey,
  { api, world, signal }: Launching,
): Promise<LaunchAnswer> {
  const { namespace, job } = checked(launchSchema, plan.launch, `the plan of run ${key.runId}`);
  const sent = await asSent(job, (reference) => world.secret(reference));
  try {
    const created = await api.createJob(namespace, sent, signal);
    return { type: "launched", job: toJob(created) };
  } catch (error) {
    if (isTaken(error)) return adopt(api, namespace, key);
    return answerTo(error, `the Job of run ${key.runId} in namespace ${namespace}`);
  }
}

/** A quota that changed meanwhile is a 409 as well. */
function isTaken(error: unknown): boolean {
  return (
    error instanceof KubernetesError && error.status === 409 && error.reason === "AlreadyExists"
  );
}

/** Takes a Job that is there already, if its labels say that it is of this very launch. */
async function adopt(api: KubernetesApi, namespace: string, key: LaunchKey): Promise<LaunchAnswer> {
  const name = jobName(key.runId, key.launch);
  const job = await api.getJob(namespace, name);
  if (job === undefined) throw new Error(`Job ${namespace}/${name} was there and is gone`);
  if (isOf(job, key)) return { type: "launched", job: toJob(job) };
  throw new PermanentError(
    "rejected",
    `Job ${namespace}/${name} exists and is not of run ${key.runId}: its labels ${RUN_LABEL} and ${LAUNCH_LABEL} are not those of this launch; delete it, or take another namespace`,
  );
}

function isOf({ metadata }: JobJson, { runId, launch }: LaunchKey): boolean {
  return Object.entries(ownerLabels(runId, launch)).every(
    ([label, value]) => metadata?.labels?.[label] === value,
  );
}

/** A suspended Job has no deadline that could end it, and nothing of it runs that could be lost. */
async function cancelJob(api: KubernetesApi, job: Job): Promise<void> {
  const { namespace, name } = refOf(job);
  const found = await api.getJob(namespace, name);
  if (found === undefined || stoppedEnd(found) !== undefined) return;
  const conditions = found.status?.conditions;
  if (condition(conditions, "Complete") || condition(conditions, "Failed")) return;
  const uid = found.metadata?.uid;
  if (found.spec?.["suspend"] === true && uid !== undefined)
    return api.deleteJob(namespace, name, uid);
  await api.patchJob(namespace, name, stopPatch(CANCELLED));
}
