import { messageOf, PermanentError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Job, LaunchKey } from "../../run.ts";
import type { EcsApi } from "./api.ts";
import { faultOf } from "./errors.ts";
import { jobOf, type TaskRef } from "./job.ts";
import { FLOW_CONTAINER, placeOf, startedBy } from "./names.ts";
import { definitionOf, findLog, type Whereabouts } from "./where.ts";

/**
 * The tasks that carry the mark of a launch. ECS lists running and stopped tasks apart, a stopped one for
 * about an hour; whoever asked for running ones only would take a task that has ended for one that never
 * was.
 */
export async function findTasks(api: EcsApi, key: LaunchKey): Promise<readonly string[]> {
  const { region, cluster } = placeOf(key.target);
  const query = { cluster, startedBy: startedBy(key) };
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
export interface Finding extends Whereabouts {
  /** The agent's name, for the log. */
  readonly agent: string;
  readonly log: Logger;
}

/**
 * The tasks of a launch as jobs. Where their output goes is looked up at once, while ECS knows the tasks;
 * if that fails, it is warned of, and tried again when somebody reads the output.
 */
export async function findJobs(finding: Finding, key: LaunchKey): Promise<readonly Job[]> {
  const place = placeOf(key.target);
  const tasks = await findTasks(finding.api, key);
  return Promise.all(
    tasks.map(async (task) => {
      const mark = startedBy(key);
      const ref = { ...place, task, container: FLOW_CONTAINER, startedBy: mark };
      return jobOf({ ...ref, ...(await logFor(finding, ref)) });
    }),
  );
}

async function logFor(
  finding: Finding,
  ref: TaskRef,
): Promise<Pick<TaskRef, "log" | "definition">> {
  let definition: string | undefined;
  try {
    definition = await definitionOf(finding, ref);
    if (definition === undefined) return {};
    const { log, assumed } = await findLog(finding, jobOf({ ...ref, definition }));
    return assumed ? { definition } : { log };
  } catch (error) {
    // Output that goes elsewhere is nothing to warn of.
    if (error instanceof PermanentError && error.code === "unsupported") return {};
    const { agent, log } = finding;
    log.warn("place of output not found yet", { agent, job: ref.task, reason: messageOf(error) });
    return definition === undefined ? {} : { definition };
  }
}
