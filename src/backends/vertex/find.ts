import type { Job, LaunchKey } from "../../run.ts";
import { explained } from "./errors.ts";
import { jobOf } from "./job.ts";
import { launchFilter } from "./labels.ts";
import type { ApiFor } from "./regions.ts";
import { momentOf, type VertexJob } from "./status.ts";

/** What is needed to look for jobs. */
export interface Finder {
  readonly apiFor: ApiFor;
  readonly owner: string;
}

/** The jobs an owner has created for a launch, the oldest first. */
export async function findJobs(
  { apiFor, owner }: Finder,
  key: LaunchKey,
  signal?: AbortSignal,
): Promise<readonly Job[]> {
  const parent = key.target;
  const filter = launchFilter(key, owner);
  const found: VertexJob[] = [];
  let pageToken: string | undefined;
  do {
    const page = await explained(`look for the job of run ${key.runId} in ${parent}`, () =>
      apiFor(parent).list({
        parent,
        filter,
        ...(pageToken === undefined ? {} : { pageToken }),
        ...(signal === undefined ? {} : { signal }),
      }),
    );
    found.push(...page.jobs);
    pageToken = page.next;
  } while (pageToken !== undefined);
  return found
    .toSorted((a, b) => compare(momentOf(a.createTime) ?? "", momentOf(b.createTime) ?? ""))
    .map((job) => jobOf(job, parent));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
