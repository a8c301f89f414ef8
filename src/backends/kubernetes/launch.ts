import * as z from "zod";
import type { LaunchAnswer, LaunchPlan } from "../../backend.ts";
import { checked } from "../../check.ts";
import { PermanentError } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { LaunchKey } from "../../run.ts";
import type { Connected } from "./connected.ts";
import { answerTo, KubernetesError } from "./errors.ts";
import { jobOf } from "./job.ts";
import {
  INSTALLATION_LABEL,
  isLabelled,
  jobName,
  LAUNCH_LABEL,
  RUN_LABEL,
  targetOf,
} from "./names.ts";
import { asSent } from "./send.ts";

/** What is needed to make a Job. */
export type Launcher = Connected & { readonly signal: AbortSignal };

const launchSchema = z.object({
  namespace: z.string(),
  job: z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>,
});

/** The name of the Job is the key: Kubernetes itself sees to it that there is only one. */
export async function launchJob(
  plan: LaunchPlan,
  key: LaunchKey,
  launcher: Launcher,
): Promise<LaunchAnswer> {
  const { api, cluster, world, signal } = launcher;
  const { namespace, job } = checked(launchSchema, plan.launch, `the plan of run ${key.runId}`);
  const what = `the Job of run ${key.runId} in namespace ${namespace}`;
  try {
    const now = targetOf(await cluster(), namespace);
    if (now !== key.target) {
      const message = `${what} was planned for ${key.target}, and its agent now works at ${now}`;
      return { type: "unavailable", message };
    }
    const sent = await asSent(job, (reference) => world.secret(reference));
    const created = await api.createJob(namespace, sent, signal);
    return { type: "launched", job: jobOf(created, await cluster()) };
  } catch (error) {
    if (isTaken(error)) return adopt(namespace, key, launcher);
    return answerTo(error, what);
  }
}

/** A quota that changed meanwhile is a 409 as well. */
function isTaken(error: unknown): boolean {
  return (
    error instanceof KubernetesError && error.status === 409 && error.reason === "AlreadyExists"
  );
}

/** Takes a Job that is there already, if its labels say that it is of this very launch. */
async function adopt(
  namespace: string,
  key: LaunchKey,
  { api, cluster, world: { installation } }: Connected,
): Promise<LaunchAnswer> {
  const name = jobName(key, installation);
  const job = await api.getJob(namespace, name);
  if (job === undefined) throw new Error(`Job ${namespace}/${name} was there and is gone`);
  const labels = job.metadata?.labels;
  if (isLabelled(labels, key, installation))
    return { type: "launched", job: jobOf(job, await cluster()) };
  throw new PermanentError(
    "rejected",
    `Job ${namespace}/${name} exists and is not of run ${key.runId}${whose(labels)}: its labels ${RUN_LABEL}, ${LAUNCH_LABEL} and ${INSTALLATION_LABEL} are not those of this launch; delete it, or take another namespace`,
  );
}

function whose(labels: Readonly<Record<string, string>> | undefined): string {
  const installation = labels?.[INSTALLATION_LABEL];
  return installation === undefined ? "" : `, but of the installation ${installation}`;
}
