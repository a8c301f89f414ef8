import * as z from "zod";
import { secretSchema } from "../../config.ts";

const text = z.string().min(1, "expected text that is not empty");

/** What an agent of this backend may set beside the keys all agents have. */
export const agentOptions = z.strictObject({
  namespace: text
    .default("default")
    .describe("Namespace of the Jobs. Default: default. A flow runner may name another."),
  service_account_name: text
    .optional()
    .describe("Service account of the pods, unless run config or its template names one."),
  image_pull_secrets: z
    .array(z.string())
    .default([])
    .describe("Names of the secrets images are pulled with, unless the run or its template does."),
  job_template_path: text
    .optional()
    .describe("Where the template of the Job is read at each launch, for runs without one."),
  delete_finished_jobs: z
    .boolean()
    .default(true)
    .describe(
      "Whether Jobs are deleted, an hour after their end, once the end of their run is stored.",
    ),
  kubeconfig: z
    .union([text, secretSchema])
    .optional()
    .describe(
      "Path of a kubeconfig, or a secret that holds the text of one. Default: the service account of the pod this runs in, else the files in KUBECONFIG, else ~/.kube/config.",
    ),
  context: text
    .optional()
    .describe("Context of the kubeconfig. Default: its current one, or the pod's own cluster."),
  start_grace_seconds: z
    .number()
    .int()
    .nonnegative()
    .default(120)
    .describe(
      "How long a container may fail to start, for want of its image for instance, before its run ends; its init containers, and its own earlier runs, do not count.",
    ),
  pending_grace_seconds: z
    .number()
    .int()
    .nonnegative()
    .default(900)
    .describe("How long a pod may wait for a node, and a Job for a pod, before the run ends."),
  volumes: z
    .array(z.unknown())
    .optional()
    .describe("Taken because Prefect's agent takes it, and without effect, as there."),
  volume_mounts: z
    .array(z.unknown())
    .optional()
    .describe("Taken because Prefect's agent takes it, and without effect, as there."),
});
export type AgentOptions = z.infer<typeof agentOptions>;

const given = z.string().nullish();

/**
 * What a run may ask for, from either dialect. The wire has checked it; a universal run config has
 * none of it.
 */
export const runOptions = z.object({
  job_template: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  job_template_path: given,
  cpu_limit: given,
  cpu_request: given,
  memory_limit: given,
  memory_request: given,
  service_account_name: given,
  image_pull_secrets: z.array(z.string()).nullish(),
  image_pull_policy: given,
  namespace: given,
  labels: z.record(z.string(), z.string()).nullish(),
  restart_policy: given,
  node_selector: z.record(z.string(), z.string()).nullish(),
});
export type RunOptions = z.infer<typeof runOptions>;
