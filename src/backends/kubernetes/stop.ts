import * as z from "zod";
import type { JsonObject } from "../../json.ts";
import { FINAL_STATES } from "../../run.ts";
import { REQUESTED } from "../../state-after.ts";
import { SECOND } from "../../time.ts";
import { REMINDED, STOPPED } from "./names.ts";
import type { JobJson } from "./objects.ts";
import type { End } from "./pod-end.ts";

/** The end of a run that somebody cancelled. */
export const CANCELLED: End = { end: "cancelled", cause: REQUESTED };

/**
 * The patch that ends a Job for good: Kubernetes ends its pods, as at the end of any deadline, and
 * keeps the Job, so that it can still be asked. The annotation says why, for whoever looks later.
 *
 * With a `resourceVersion` the patch is void if the Job has changed since.
 */
export function stopPatch(end: End, resourceVersion?: string): JsonObject {
  return {
    metadata: {
      annotations: { [STOPPED]: JSON.stringify(end) },
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec: { activeDeadlineSeconds: 1 },
  };
}

/** A controller that has seen a new deadline acts on it sooner than this after the start of its Job. */
const NOTICED_MS = 10 * SECOND;

/**
 * Whether the controller may have missed that a Job was stopped. That of Kubernetes 1.20 does, now and then,
 * where the deadline comes between its first look at the Job and its note that the Job has started: then
 * nothing makes it look again before the Job, or a pod of it, changes. Pure.
 */
export function isForgotten(job: JobJson, now: Date): boolean {
  const start = Date.parse(job.status?.startTime ?? "");
  return stoppedEnd(job) !== undefined && now.getTime() - start > NOTICED_MS;
}

/** A change that means nothing but that a Job is looked at again. */
export function reminderPatch(now: Date): JsonObject {
  return { metadata: { annotations: { [REMINDED]: now.toISOString() } } };
}

const endSchema = z.object({
  end: z.enum(FINAL_STATES),
  cause: z.looseObject({ type: z.string(), message: z.string() }),
});

/** The end that Sluice gave a Job when it stopped it; undefined if it did not. */
export function stoppedEnd({ metadata }: JobJson): End | undefined {
  const text = metadata?.annotations?.[STOPPED];
  if (text === undefined) return undefined;
  const result = endSchema.safeParse(parsed(text));
  return result.success ? (result.data as unknown as End) : undefined;
}

/** What somebody else has written there is no end of ours. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
