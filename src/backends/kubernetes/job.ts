import * as z from "zod";
import { checked } from "../../check.ts";
import type { Job } from "../../run.ts";
import { INSTALLATION_LABEL, LAUNCH_LABEL, RUN_LABEL } from "./names.ts";
import type { JobJson } from "./objects.ts";
import { flowContainerName } from "./request.ts";

const refSchema = z.object({
  namespace: z.string(),
  name: z.string(),
  /** The run's label, by which its Job and pods are found. */
  run: z.string(),
  launch: z.number(),
  /** The label of its installation, if it has one. */
  installation: z.string().optional(),
  /** The container that runs the flow. Others may be put before it when the pod is made. */
  container: z.string(),
  /** The cluster; jobs of earlier versions do not say it. */
  cluster: z.string().optional(),
});

/** How a Job is found again. */
export type JobRef = z.infer<typeof refSchema>;

/** A Job as any process can find it again. */
export function jobOf({ metadata, spec }: JobJson, cluster: string): Job {
  const { namespace = "", name = "", labels } = metadata ?? {};
  const installation = labels?.[INSTALLATION_LABEL];
  const ref: JobRef = {
    namespace,
    name,
    run: labels?.[RUN_LABEL] ?? "",
    launch: Number(labels?.[LAUNCH_LABEL]),
    ...(installation === undefined ? {} : { installation }),
    container: flowContainerName({ spec }),
    cluster,
  };
  return { backend: "kubernetes", id: `${namespace}/${name}`, ref: { ...ref } };
}

/** What a job of this backend says of its Job. */
export function refOf(job: Job): JobRef {
  return checked(refSchema, job.ref, `the reference of job ${job.id}`);
}

/** What to do about a kubeconfig that leads to another cluster now. */
export const PUT_BACK = "put it back, for nobody else can ask about the run";

/** Why nothing can be said of a Job that is not there: it is of another cluster. Undefined if it is not. */
export function elsewhere(job: Job, cluster: string): string | undefined {
  const { cluster: own = cluster } = refOf(job);
  if (own === cluster) return undefined;
  return `Job ${job.id} is at ${own}, and the kubeconfig of its agent now leads to ${cluster}: ${PUT_BACK}`;
}
