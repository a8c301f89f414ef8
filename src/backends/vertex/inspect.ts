import type { Job, JobStatus } from "../../run.ts";
import { codeOf, NOT_FOUND, textOf } from "./errors.ts";
import { type JobRef, refOf } from "./job.ts";
import { ownerFilter } from "./labels.ts";
import type { ApiFor } from "./regions.ts";
import { statusOf, type VertexJob } from "./status.ts";

/** What is needed to ask about jobs. */
export interface Inspector {
  readonly apiFor: ApiFor;
  readonly owner: string;
  readonly now: () => Date;
}

/** Asks about so many jobs at a time. */
const AT_ONCE = 5;

/**
 * One status per job, in the order asked. Several jobs of one project and region are read from one list
 * of all the owner has created since the oldest of them; whichever it lacks is asked about singly.
 *
 * Throws if Vertex AI does not answer for one of them.
 */
export async function inspectJobs(
  inspector: Inspector,
  jobs: readonly Job[],
): Promise<readonly JobStatus[]> {
  const refs = jobs.map(refOf);
  const found = new Map<string, VertexJob>();
  for (const group of Map.groupBy(refs, ({ parent }) => parent).values()) {
    await readGroup(inspector, group, found);
  }
  const now = inspector.now();
  return refs.map(({ name }) => {
    const job = found.get(name);
    return job === undefined ? { type: "missing" } : statusOf(job, now);
  });
}

type Found = Map<string, VertexJob>;

async function readGroup(inspector: Inspector, refs: readonly JobRef[], found: Found) {
  const wanted = [...new Map(refs.map((ref) => [ref.name, ref])).values()];
  if (wanted.length > 1) await readList(inspector, wanted, found);
  const missing = wanted.filter(({ name }) => !found.has(name));
  for (let start = 0; start < missing.length; start += AT_ONCE) {
    const part = missing.slice(start, start + AT_ONCE);
    await Promise.all(part.map((ref) => readOne(inspector, ref, found)));
  }
}

/** Reads no more pages than single questions would take. */
async function readList(inspector: Inspector, wanted: readonly JobRef[], found: Found) {
  const names = new Set(wanted.map(({ name }) => name));
  const [{ parent }] = wanted as readonly [JobRef];
  const since = wanted.map(({ created }) => created).reduce((a, b) => (a < b ? a : b));
  const filter = ownerFilter(inspector.owner, since);
  let pageToken: string | undefined;
  for (let pages = 0; pages < wanted.length && names.size > 0; pages++) {
    const request = { parent, filter, ...(pageToken === undefined ? {} : { pageToken }) };
    const page = await explained(`list the jobs of ${parent}`, () =>
      inspector.apiFor(parent).list(request),
    );
    for (const job of page.jobs) {
      if (names.delete(job.name ?? "")) found.set(job.name ?? "", job);
    }
    pageToken = page.next;
    if (pageToken === undefined) return;
  }
}

async function readOne({ apiFor }: Inspector, { parent, name }: JobRef, found: Found) {
  const job = await explained(`ask about ${name}`, () =>
    unlessUnknown(() => apiFor(parent).get(name)),
  );
  if (job !== undefined) found.set(name, job);
}

/** Undefined where Vertex AI does not know the job. */
export async function unlessUnknown<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

/** Says in an error what could not be done. */
export async function explained<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new Error(`could not ${what} on Vertex AI: ${textOf(error)}`, { cause: error });
  }
}
