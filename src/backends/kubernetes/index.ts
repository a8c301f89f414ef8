import { setTimeout as pause } from "node:timers/promises";
import type { Backend, BackendModule, LaunchPlan, LogPage, World } from "../../backend.ts";
import { checked } from "../../check.ts";
import { PermanentError } from "../../errors.ts";
import type { Job, JobStatus } from "../../run.ts";
import { showLog, shownPlans } from "../../show-log.ts";
import { SECOND } from "../../time.ts";
import { type KubernetesApi, kubernetesApi } from "./api.ts";
import { connect } from "./connect.ts";
import type { Connected } from "./connected.ts";
import { AccessError, NotSentError } from "./errors.ts";
import { findJobs } from "./find.ts";
import { ASKING_MS, look } from "./inspect.ts";
import { elsewhere, refOf } from "./job.ts";
import { launchJob } from "./launch.ts";
import { readLog } from "./logs.ts";
import { clusterOf, targetOf } from "./names.ts";
import { condition } from "./objects.ts";
import { type AgentOptions, agentOptions, runOptions } from "./options.ts";
import { plannedJob } from "./request.ts";
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

/** How often the log of a run is looked at while it is shown: two calls each time. */
const SHOW = { everyMs: SECOND, atMostMs: 16 * SECOND };

/** The backend over an API server that may not have been found yet. */
export function kubernetesBackend(
  options: AgentOptions,
  world: World,
  api: KubernetesApi,
): Backend {
  const connected = { api, cluster: async () => clusterOf(await api.server()), world };
  const tidy = tidier(api, world);
  const shown = shownPlans(false);
  const sleep = (ms: number) => pause(ms, undefined, { ref: false, signal: world.closing });
  return {
    plan: async (request) => shown.note(request, await planOf(request, options, connected)),
    async launch(plan, key, signal) {
      const answer = await launchJob(plan, key, { ...connected, signal });
      if (answer.type === "launched" && shown.has(plan)) {
        const page = (after?: string) => readLog(api, refOf(answer.job), after);
        void showLog(world, key.runId, { page, sleep, ...SHOW });
      }
      return answer;
    },
    find: (key) => findJobs(key, connected),
    inspect: (jobs) => inspectJobs(jobs, options, connected),
    cancel: (job) => cancelJob(job, connected),
    async tidy(jobs, signal) {
      if (!options.delete_finished_jobs) return;
      await tidy(new Set(jobs.map((job) => refOf(job).namespace)), signal);
    },
    logs: (job, after) => logsOf(job, after, connected),
  };
}

async function planOf(
  request: Parameters<Backend["plan"]>[0],
  options: AgentOptions,
  { cluster, world }: Connected,
): Promise<LaunchPlan> {
  const { agent, config } = request;
  const run = checked(runOptions, config.options, { what: "the run config", at: "run_config" });
  const template = await templateOf({
    run,
    agent,
    options,
    read: world.readTemplate,
    container: config.dialect === "orion" ? "job" : "flow",
  });
  const { namespace, job, secrets, warnings } = plannedJob({
    request,
    run,
    options,
    template,
    installation: world.installation,
  });
  const known = await clusterForPlan(cluster);
  return {
    target: targetOf(known.cluster, namespace),
    launch: { namespace, job },
    secrets,
    warnings: [...warnings, ...known.warnings],
  };
}

/**
 * The cluster a plan is for. Where that cannot be told, because nothing leads to one or whoever keeps the
 * kubeconfig does not answer, a plan is made all the same, for whoever only wants to read it, and is
 * launched nowhere. A kubeconfig of no use is refused.
 */
async function clusterForPlan(
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

async function inspectJobs(
  jobs: readonly Job[],
  options: AgentOptions,
  { api, cluster, world }: Connected,
): Promise<readonly (JobStatus | undefined)[]> {
  if (jobs.length === 0) return [];
  const deadline = AbortSignal.timeout(ASKING_MS);
  const here = await cluster();
  const patience = {
    now: world.now(),
    startMs: options.start_grace_seconds * SECOND,
    pendingMs: options.pending_grace_seconds * SECOND,
  };
  const seen = await look(jobs, { api, patience, log: world.log, deadline });
  const statuses = jobs.map((job): JobStatus | string => {
    return seen.get(job.id) ?? elsewhere(job, here) ?? { type: "missing" };
  });
  const unasked = statuses.filter((status) => typeof status === "string");
  if (unasked.length === jobs.length) throw new Error(unasked[0]);
  for (const [reason, { length }] of Map.groupBy(unasked, (text) => text)) {
    world.log.warn("jobs not asked about", { jobs: length, reason });
  }
  return statuses.map((status) => (typeof status === "string" ? undefined : status));
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
  const page = await readLog(api, ref, after);
  if (page.lines.length > 0) return page;
  const away = elsewhere(job, await cluster());
  if (away === undefined || (await api.getJob(ref.namespace, ref.name)) !== undefined) return page;
  throw new PermanentError("unsupported", `its log cannot be read: ${away}`);
}
