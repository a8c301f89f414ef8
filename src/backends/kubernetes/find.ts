import type { Job, LaunchKey } from "../../run.ts";
import type { Connected } from "./connected.ts";
import { jobOf, PUT_BACK } from "./job.ts";
import { isOfNoCluster, launchSelector, namespaceOf, targetOf } from "./names.ts";

/**
 * The Jobs with the labels of a launch of this installation. Throws where there are none and the launch
 * was begun at another cluster, for then nobody knows. It may be the same one under another address, so it
 * is asked all the same.
 */
export async function findJobs(key: LaunchKey, { api, cluster, world }: Connected): Promise<Job[]> {
  // Nothing is ever launched by a plan that was made where no cluster was known.
  if (isOfNoCluster(key.target)) return [];
  const namespace = namespaceOf(key.target);
  const here = await cluster();
  const jobs = await api.listJobs(namespace, launchSelector(key, world.installation));
  if (jobs.length === 0 && targetOf(here, namespace) !== key.target) {
    throw new Error(
      `launch ${key.launch} of run ${key.runId} was begun at ${key.target}, and the kubeconfig of its agent now leads to ${here}: ${PUT_BACK}`,
    );
  }
  return jobs.map((job) => jobOf(job, here));
}
