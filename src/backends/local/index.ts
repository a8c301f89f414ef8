import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Agent } from "../../agent.ts";
import type { Backend, BackendModule, LaunchPlan, Machine, World } from "../../backend.ts";
import { checked } from "../../check.ts";
import { chunks } from "../../chunks.ts";
import { PermanentError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { maskVariables } from "../../mask.ts";
import { leaveElsewhere, logElsewhere, statusElsewhere } from "../../other-machines.ts";
import type { Job, JobStatus, LaunchKey } from "../../run.ts";
import { showLog, shownPlans } from "../../show-log.ts";
import { folderOf, jobOf, readTrace, traceOfJob } from "./folder.ts";
import { type Launch, launchProcess } from "./launch.ts";
import { readLog } from "./logs.ts";
import { agentOptions } from "./options.ts";
import { planProcess, type Surface, startOf, targetIn, thisMachine } from "./plan.ts";
import { reportEnd } from "./report.ts";
import { statusOf } from "./status.ts";
import { stopProcess } from "./stop.ts";

/** Runs as processes of this machine, which outlive the process that started them. */
export const backend: BackendModule = {
  name: "local",
  agentOptions,
  open: (agent, world) => localBackend(agent, world),
};

/** How often the output of a run is looked at while it is shown. */
const SHOW_EVERY_MS = 250;

/** How many folders are read side by side: each takes file descriptors. */
const READ_TOGETHER = 64;

/** The backend of one agent, on the data folder of its world. */
export function localBackend(agent: Agent, world: World, machine: Surface = thisMachine): Backend {
  const options = checked(agentOptions, agent.options, `the agent ${agent.name}`);
  const shown = shownPlans(options.show_flow_logs);
  const inspect = (job: Job) => inspectJob(job, world);
  const logs = (job: Job, after?: string) => logOf(job, world, after);
  const sleep = (ms: number) => pause(ms, undefined, { ref: false, signal: world.closing });
  return {
    plan: async (request) =>
      shown.note(request, await planProcess(request, { options, world, machine })),
    async launch(plan, key, signal) {
      const { answer, end } = await launchProcess(startFor(plan, key, world), signal);
      if (answer.type !== "launched" || end === undefined) return answer;
      const { job } = answer;
      void end.then(() => reportEnd(world, key, { job, inspect: () => inspect(job) }));
      if (shown.has(plan)) {
        const page = (after?: string) => logs(job, after);
        void showLog(world, key.runId, { page, sleep, everyMs: SHOW_EVERY_MS });
      }
      return answer;
    },
    find: (key) => findJob(key, world),
    async inspect(jobs) {
      const statuses: (JobStatus | undefined)[] = [];
      for (const part of chunks(jobs, READ_TOGETHER)) {
        statuses.push(...(await Promise.all(part.map(inspect))));
      }
      return statuses;
    },
    async cancel(job) {
      const { folder, target } = traceOfJob(dataFolderOf(world), job);
      if (await stopProcess(folder, options.stop_seconds, world)) return;
      const elsewhere = await machineElsewhere(target, world);
      if (elsewhere !== undefined) await leaveElsewhere(`${job.id} is at ${target}`, elsewhere);
    },
    logs,
  };
}

/** What is in the data folder is of this machine, wherever that folder has been before. */
async function findJob(key: LaunchKey, world: World): Promise<readonly Job[]> {
  const trace = await readTrace(folderOf(dataFolderOf(world), key.runId, key.launch));
  if (trace !== undefined) return [jobOf({ ...key, target: await targetIn(world) }, trace)];
  const elsewhere = await machineElsewhere(key.target, world);
  if (elsewhere === undefined) return [];
  const what = `launch ${key.launch} of run ${key.runId} was begun at ${key.target}`;
  await leaveElsewhere(what, elsewhere);
  return [];
}

async function inspectJob(job: Job, world: World): Promise<JobStatus | undefined> {
  const { folder, target } = traceOfJob(dataFolderOf(world), job);
  const trace = await readTrace(folder);
  const elsewhere = trace === undefined ? await machineElsewhere(target, world) : undefined;
  if (elsewhere === undefined) return statusOf(job, trace);
  return statusElsewhere(job, String(target), elsewhere);
}

async function logOf(job: Job, world: World, after: string | undefined) {
  const { folder, target = "" } = traceOfJob(dataFolderOf(world), job);
  const trace = await readTrace(folder);
  if (trace === undefined && (await machineElsewhere(target, world)) !== undefined) {
    throw logElsewhere(job, target);
  }
  const ended = statusOf(job, trace).type === "ended";
  return readLog(join(folder, "output"), { after, ended });
}

/** This machine, if a launch at `target` was begun on another one. */
async function machineElsewhere(
  target: string | undefined,
  world: World,
): Promise<Machine | undefined> {
  if (target === undefined || target === (await targetIn(world))) return undefined;
  return world.machine;
}

function startFor(plan: LaunchPlan, key: LaunchKey, world: World): Launch {
  const shown = maskVariables(plan.launch, plan.secrets);
  return {
    ...startOf(plan, world.cwd),
    folder: folderOf(dataFolderOf(world), key.runId, key.launch),
    key,
    shown: isJsonObject(shown) ? shown : {},
  };
}

function dataFolderOf({ dataFolder }: World): string {
  if (dataFolder !== undefined) return dataFolder;
  throw new PermanentError(
    "unsupported",
    "local processes need a data folder on a disk of their own: run this agent on a machine, with `sluice up` or as a remote agent",
  );
}
