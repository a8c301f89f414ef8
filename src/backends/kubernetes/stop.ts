import * as z from "zod";
import type { JsonObject } from "../../json.ts";
import { FINAL_STATES } from "../../run.ts";
import { REQUESTED } from "../../state-after.ts";
import { STOPPED } from "./names.ts";
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
