import type { Job, LaunchKey } from "../../run.ts";
import type { EcsApi } from "./api.ts";
import { faultOf } from "./errors.ts";
import { jobOf } from "./job.ts";
import { FLOW_CONTAINER, placeOf, startedBy } from "./names.ts";

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

/** The tasks of a launch as jobs. Where their output goes is read from their definition when needed. */
export async function findJobs(api: EcsApi, key: LaunchKey): Promise<readonly Job[]> {
  const place = placeOf(key.target);
  const tasks = await findTasks(api, key);
  return tasks.map((task) =>
    jobOf({ ...place, task, container: FLOW_CONTAINER, startedBy: startedBy(key) }),
  );
}
