import type { Job, LaunchKey } from "../../run.ts";
import type { Connected } from "./connected.ts";
import { launchSelector, namespaceOf, targetOf } from "./names.ts";
import { toJob } from "./ref.ts";

/** The Jobs with the labels of a launch. A launch that was planned for another cluster is told of. */
export async function findJobs(key: LaunchKey, { api, cluster, world }: Connected): Promise<Job[]> {
  const namespace = namespaceOf(key.target);
  const here = await cluster();
  const jobs = await api.listJobs(namespace, launchSelector(key));
  if (jobs.length === 0 && targetOf(here, namespace) !== key.target) {
    world.log.warn("launch looked for at another cluster", { ...key, at: here });
  }
  return jobs.map((job) => toJob(job, here));
}
