import * as z from "zod";
import type {
  Backend,
  BackendModule,
  LaunchAnswer,
  LaunchPlan,
  LogPage,
  World,
} from "../../backend.ts";
import { checked } from "../../check.ts";
import { PermanentError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { Job, JobStatus, LaunchKey } from "../../run.ts";
import { SECOND } from "../../time.ts";
import { type KubernetesApi, kubernetesApi } from "./api.ts";
import { connect } from "./connect.ts";
import { AccessError, answerTo, KubernetesError, NotSentError } from "./errors.ts";
import { look } from "./inspect.ts";
import { readLogs } from "./logs.ts";
import {
  clusterOf,
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
import { elsewhere, refOf, toJob } from "./ref.ts";
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
  const connected = { api, cluster: async () => clusterOf(await api.server()), world };
  const inspect = inspector(options, connected);
  return {
    plan: (request) => planOf(request, options, connected),
    launch: (plan, key, signal) => launchJob(plan, key, { ...connected, signal }),
    find: (key) => findJobs(key, connected),
    inspect,
    cancel: (job) => cancelJob(job, connected),
    logs: (job, after) => logsOf(job, after, connected),
  };
}

/** An API server, what it is called, and what is around. */
interface Connected {
  readonly api: KubernetesApi;
  /** The cluster as targets and jobs name it. Sends it nothing. */
  readonly cluster: () => Promise<string>;
  readonly world: World;
}

async function planOf(
  request: Parameters<Backend["plan"]>[0],
  options: AgentOptions,
  { cluster, world }: Connected,
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
  const { namespace, job, secrets, warnings } = plannedJob({ request, run, options, template });
  const place = await placeOf(cluster);
  return {
    target: targetOf(place.cluster, namespace),
    launch: { namespace, job },
    secrets,
    warnings: [...warnings, ...place.warnings],
  };
}

/**
 * The cluster a plan is for. Where that cannot be told, because nothing leads to one or whoever keeps the
 * kubeconfig does not answer, a plan is made all the same, for whoever only wants to read it, and is
 * launched nowhere. A kubeconfig of no use is refused.
 */
async function placeOf(
  cluster: Connected["cluster"],
): Promise<{ readonly cluster?: string; readonly warnings: readonly string[] }> {
  try {
    return { cluster: await cluster(), warnings: [] };
  } catch (error) {
    if (error instanceof NotSentError || (error instanceof AccessError && error.nowhere)) {
      return { warnings: [`${error.message}; until that is cured nothing can be launched`] };
    }
    if (!(error instanceof AccessError)) throw error;
    throw new PermanentError("rejected", error.message, { cause: error });
  }
}

const launchSchema = z.object({
  namespace: z.string(),
  job: z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>,
});

type Launching = Connected & { readonly signal: AbortSignal };

/** The name of the Job is the key: Kubernetes itself sees to it that there is only one. */
async function launchJob(
  plan: LaunchPlan,
  key: LaunchKey,
  launching: Launching,
): Promise<LaunchAnswer> {
  const { api, cluster, world, signal } = launching;
  const { namespace, job } = checked(launchSchema, plan.launch, `the plan of run ${key.runId}`);
  const what = `the Job of run ${key.runId} in namespace ${namespace}`;
  try {
    const now = targetOf(await cluster(), namespace);
    if (now !== key.target) {
      const message = `${what} was planned for ${key.target}, and its agent now works at ${now}`;
      return { type: "unavailable", message };
    }
    const sent = await asSent(job, (reference) => world.secret(reference));
    const created = await api.createJob(namespace, sent, signal);
    return { type: "launched", job: toJob(created, await cluster()) };
  } catch (error) {
    if (isTaken(error)) return adopt(namespace, key, launching);
    return answerTo(error, what);
  }
}

/** A quota that changed meanwhile is a 409 as well. */
function isTaken(error: unknown): boolean {
  return (
    error instanceof KubernetesError && error.status === 409 && error.reason === "AlreadyExists"
  );
}

/** Takes a Job that is there already, if its labels say that it is of this very launch. */
async function adopt(
  namespace: string,
  key: LaunchKey,
  { api, cluster }: Connected,
): Promise<LaunchAnswer> {
  const name = jobName(key.runId, key.launch);
  const job = await api.getJob(namespace, name);
  if (job === undefined) throw new Error(`Job ${namespace}/${name} was there and is gone`);
  if (isOf(job, key)) return { type: "launched", job: toJob(job, await cluster()) };
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

async function findJobs(key: LaunchKey, { api, cluster, world }: Connected): Promise<Job[]> {
  const namespace = namespaceOf(key.target);
  const here = await cluster();
  const jobs = await api.listJobs(namespace, launchSelector(key));
  if (jobs.length === 0 && targetOf(here, namespace) !== key.target) {
    world.log.warn("launch looked for at another cluster", { ...key, at: here });
  }
  return jobs.map((job) => toJob(job, here));
}

function inspector(options: AgentOptions, { api, cluster, world }: Connected): Backend["inspect"] {
  const tidy = tidier(api, world);
  return async (jobs) => {
    if (jobs.length === 0) return [];
    const here = await cluster();
    const patience = {
      now: world.now(),
      startMs: options.start_grace_seconds * SECOND,
      pendingMs: options.pending_grace_seconds * SECOND,
    };
    const seen = await look(jobs, { api, patience, log: world.log });
    if (options.delete_finished_jobs) {
      await tidy(new Set(jobs.map((job) => refOf(job).namespace)));
    }
    const statuses = jobs.map((job): JobStatus | string => {
      return seen.get(job.id) ?? elsewhere(job, here) ?? { type: "missing" };
    });
    const unasked = statuses.filter((status) => typeof status === "string");
    if (unasked.length === jobs.length) throw new Error(unasked[0]);
    for (const reason of unasked) world.log.warn("job not asked about", { reason });
    return statuses.map((status) => (typeof status === "string" ? undefined : status));
  };
}

/** A suspended Job has no deadline that could end it, and nothing of it runs that could be lost. */
async function cancelJob(job: Job, { api, cluster }: Connected): Promise<void> {
  const { namespace, name } = refOf(job);
  const found = await api.getJob(namespace, name);
  if (found === undefined) {
    const away = elsewhere(job, await cluster());
    if (away !== undefined) throw new Error(away);
    return;
  }
  if (stoppedEnd(found) !== undefined) return;
  const conditions = found.status?.conditions;
  if (condition(conditions, "Complete") || condition(conditions, "Failed")) return;
  const uid = found.metadata?.uid;
  if (found.spec?.["suspend"] === true && uid !== undefined)
    return api.deleteJob(namespace, name, uid);
  await api.patchJob(namespace, name, stopPatch(CANCELLED));
}

async function logsOf(
  job: Job,
  after: string | undefined,
  { api, cluster }: Connected,
): Promise<LogPage> {
  const ref = refOf(job);
  const page = await readLogs(api, ref, after);
  if (page.lines.length > 0) return page;
  const away = elsewhere(job, await cluster());
  if (away === undefined || (await api.getJob(ref.namespace, ref.name)) !== undefined) return page;
  throw new PermanentError("unsupported", `its log cannot be read: ${away}`);
}
