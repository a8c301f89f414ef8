import { join } from "node:path";
import type { Agent } from "../../agent.ts";
import type { Backend, BackendModule, LaunchPlan, LaunchRequest, World } from "../../backend.ts";
import { checked } from "../../check.ts";
import { PermanentError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { maskVariables } from "../../mask.ts";
import type { Job, JobStatus, LaunchKey } from "../../run.ts";
import { folderOf, folderOfJob, jobOf, readTrace } from "./folder.ts";
import { type Launch, launchProcess } from "./launch.ts";
import { readLog } from "./logs.ts";
import { type LocalOptions, localOptions } from "./options.ts";
import { type Machine, planProcess, startOf, thisMachine } from "./plan.ts";
import { reportEnd, showOutput } from "./report.ts";
import { statusOf } from "./status.ts";
import { stopProcess } from "./stop.ts";

/** Runs as processes of this machine, which outlive the process that started them. */
export const backend: BackendModule = {
  name: "local",
  agentOptions: localOptions,
  open: (agent, world) => localBackend(agent, world),
};

/** How many folders are read side by side: each takes file descriptors. */
const READ_TOGETHER = 64;

/** The backend of one agent, on the data folder of its world. */
export function localBackend(agent: Agent, world: World, machine: Machine = thisMachine): Backend {
  const options = checked(localOptions, agent.options, `the agent ${agent.name}`);
  // Whether the output is shown is no part of what is sent, so it is kept beside the plan.
  const shown = new WeakSet<LaunchPlan>();
  const folder = (job: Job) => folderOfJob(dataFolderOf(world), job);
  const inspect = async (job: Job) => statusOf(job, await readTrace(folder(job)));
  const logs = async (job: Job, after?: string) => {
    const ended = (await inspect(job)).type === "ended";
    return readLog(join(folder(job), "output"), { after, ended });
  };
  return {
    async plan(request) {
      const plan = await planProcess(request, { options, world, machine });
      if (isShown(request, options)) shown.add(plan);
      return plan;
    },
    async launch(plan, key, signal) {
      const { answer, end } = await launchProcess(launchOf(plan, key, world), signal);
      if (answer.type !== "launched" || end === undefined) return answer;
      const { job } = answer;
      void end.then(() => reportEnd(world, key, { job, inspect: () => inspect(job) }));
      if (shown.has(plan)) void showOutput(world, key.runId, (after) => logs(job, after));
      return answer;
    },
    async find({ runId, launch }) {
      const trace = await readTrace(folderOf(dataFolderOf(world), runId, launch));
      return trace === undefined ? [] : [jobOf(runId, launch, trace)];
    },
    async inspect(jobs) {
      const statuses: JobStatus[] = [];
      for (let at = 0; at < jobs.length; at += READ_TOGETHER) {
        statuses.push(...(await Promise.all(jobs.slice(at, at + READ_TOGETHER).map(inspect))));
      }
      return statuses;
    },
    cancel: (job) => stopProcess(folder(job), options.stop_seconds, world),
    logs,
  };
}

function launchOf(plan: LaunchPlan, key: LaunchKey, world: World): Launch {
  const shown = maskVariables(plan.launch, plan.secrets);
  return {
    ...startOf(plan, world.cwd),
    folder: folderOf(dataFolderOf(world), key.runId, key.launch),
    key,
    shown: isJsonObject(shown) ? shown : {},
  };
}

function isShown({ config }: LaunchRequest, options: LocalOptions): boolean {
  return options.show_flow_logs || config.options["stream_output"] === true;
}

function dataFolderOf({ dataFolder }: World): string {
  if (dataFolder !== undefined) return dataFolder;
  throw new PermanentError(
    "unsupported",
    "local processes need a data folder on a disk of their own: run this agent on a machine, with `sluice up` or as a remote agent",
  );
}
