import { messageOf, PermanentError } from "../../errors.ts";
import type { Installation } from "../../installation.ts";
import type { Logger } from "../../log.ts";
import type { Job, LaunchKey } from "../../run.ts";
import type { EcsApi } from "./api.ts";
import { faultOf } from "./errors.ts";
import { jobOf, type TaskRef, taskRef } from "./job.ts";
import { findLog, type Whereabouts } from "./log-place.ts";
import { clusterOf, isUndone, startedBy } from "./names.ts";

/** Whose tasks are looked for, and where. */
export interface Searcher {
  readonly api: EcsApi;
  readonly installation: Installation;
}

/**
 * The tasks that carry the mark of a launch. ECS lists running and stopped tasks apart, a stopped one for
 * about an hour; whoever asked for running ones only would take a task that has ended for one that never
 * was.
 */
export async function findTasks(
  { api, installation }: Searcher,
  key: LaunchKey,
): Promise<readonly string[]> {
  const { region, cluster } = clusterOf(key.target);
  const query = { cluster, startedBy: startedBy(key, installation) };
  try {
    const lists = await Promise.all(
      (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
        api.listTasks(region, { ...query, desiredStatus }),
      ),
    );
    return [...new Set(lists.flat())];
  } catch (error) {
    // A cluster that is gone has taken its tasks along.
    if (faultOf(error).name === "ClusterNotFoundException") return [];
    throw error;
  }
}

/** What finding jobs needs. */
export interface Finding extends Whereabouts, Searcher {
  /** The agent's name, for the log. */
  readonly agent: string;
  readonly log: Logger;
}

/**
 * The tasks of a launch as jobs, but for those that Sluice has stopped because they had lost what made
 * them its own: they count as never started. Where their output goes is looked up at once, while ECS knows
 * the tasks; if that fails, it is warned of, and tried again when somebody reads the output.
 */
export async function findJobs(finding: Finding, key: LaunchKey): Promise<readonly Job[]> {
  const where = clusterOf(key.target);
  const arns = await findTasks(finding, key);
  if (arns.length === 0) return [];
  const { tasks } = await finding.api.describeTasks(where, arns);
  const views = new Map(tasks.map((task) => [task.taskArn, task]));
  const ours = arns.filter((arn) => !isUndone(views.get(arn)?.stoppedReason ?? ""));
  return Promise.all(
    ours.map(async (task) => {
      const ref = taskRef(where, task, startedBy(key, finding.installation));
      const definition = views.get(task)?.taskDefinitionArn;
      return jobOf(definition === undefined ? ref : await withLog(finding, { ...ref, definition }));
    }),
  );
}

/** The reference with its log instead of its definition, if the definition could be asked. */
async function withLog(finding: Finding, known: TaskRef): Promise<TaskRef> {
  const { definition: _, ...ref } = known;
  try {
    const { log, assumed } = await findLog(finding, jobOf(known));
    return assumed ? known : { ...ref, log };
  } catch (error) {
    // Output that goes elsewhere is nothing to warn of.
    if (error instanceof PermanentError && error.code === "unsupported") return ref;
    const { agent, log } = finding;
    log.warn("place of output not found yet", { agent, job: ref.task, reason: messageOf(error) });
    return known;
  }
}
