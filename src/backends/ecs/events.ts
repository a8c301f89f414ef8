import type { Installation } from "../../installation.ts";
import type { Observation } from "../../state-after.ts";
import { jobOf, taskRef } from "./job.ts";
import { isUndone, launchOfMark, regionOfArn } from "./names.ts";
import { statusOf, type TaskView } from "./status.ts";

/** An "ECS Task State Change" event of EventBridge, as far as it is read. */
export interface TaskEvent {
  readonly "detail-type"?: string;
  readonly region?: string;
  readonly detail?: TaskView;
}

/**
 * What an event says, and of which run; undefined for tasks that this installation of Sluice has not
 * started. Pure.
 *
 * Events come at least once, in any order and hours late; they carry the task as DescribeTasks would, but
 * without its tags.
 */
export function observationOf(
  event: TaskEvent,
  installation: Installation,
): { readonly runId: string; readonly observation: Observation } | undefined {
  const { detail } = event;
  const launch = launchOfMark(detail?.startedBy, installation);
  const { taskArn: task, clusterArn: cluster, startedBy, taskDefinitionArn } = detail ?? {};
  if (detail === undefined || launch === undefined) return undefined;
  if (task === undefined || cluster === undefined || startedBy === undefined) return undefined;
  // It was stopped because it had lost what makes it that of its run.
  if (isUndone(detail.stoppedReason ?? "")) return undefined;
  const region = event.region ?? regionOfArn(task) ?? "";
  const ref = taskRef({ region, cluster }, task, startedBy);
  const job = jobOf(
    taskDefinitionArn === undefined ? ref : { ...ref, definition: taskDefinitionArn },
  );
  const status = statusOf(detail);
  return { runId: launch.runId, observation: { launch: launch.launch, job, status } };
}
