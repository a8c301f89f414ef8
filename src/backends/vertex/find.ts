import type { Job, LaunchKey } from "../../run.ts";
import { explained } from "./errors.ts";
import { jobOf } from "./job.ts";
import { isOf, launchFilter, type Whose } from "./labels.ts";
import type { ApiFor } from "./regions.ts";
import { momentOf, type VertexJob } from "./status.ts";

/** What is needed to look for jobs. */
export interface Finder extends Whose {
  readonly apiFor: ApiFor;
}

/** The jobs an owner of an installation has created for a launch, the oldest first. */
export async function findJobs(
  { apiFor, ...whose }: Finder,
  key: LaunchKey,
  signal?: AbortSignal,
): Promise<readonly Job[]> {
  const parent = key.target;
  const filter = launchFilter(key, whose);
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
    found.push(...page.jobs.filter((job) => isOf(job, whose)));
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
