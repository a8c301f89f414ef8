import { abortable } from "../../abort.ts";
import { chunks } from "../../chunks.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Job, JobStatus } from "../../run.ts";
import { SECOND } from "../../time.ts";
import { explained, failureOf, unlessUnknown } from "./errors.ts";
import { type JobRef, refOf } from "./job.ts";
import { unfinishedFilter, type Whose } from "./labels.ts";
import type { ApiFor } from "./regions.ts";
import { statusOf, type VertexJob } from "./status.ts";

/** What is needed to ask about jobs. */
export interface Inspector extends Whose {
  readonly apiFor: ApiFor;
  /** The agent's name, for the log. */
  readonly agent: string;
  readonly log: Logger;
  readonly now: () => Date;
  /** Ends the asking, whatever holds it up: a token, a connection, an answer. */
  readonly deadline: () => AbortSignal;
}

/**
 * How long all answers together may take, in milliseconds. A tick waits ten seconds for an agent, and
 * whatever one region has answered is of no use if it waits for another.
 */
export const ASKING_MS = 8 * SECOND;

/** The most jobs, created one after the other, that are looked for in one list. */
const IN_LIST = 100;

/** The most jobs that are asked about singly at a time. */
const AT_ONCE = 10;
/** The most jobs of one project and region that are asked about singly in all. */
const SINGLY = 100;

/**
 * One status per job, in the order asked.
 *
 * Jobs of one project and region are read from lists of what the owner has unfinished, so that jobs that
 * ended long ago cost nothing. Whichever the lists lack has ended since, or is too young for them, and is
 * asked about singly, the oldest first. Undefined for a job that could not be asked about, or not this
 * time, for there are too many. Throws if that is so for every job.
 */
export async function inspectJobs(
  inspector: Inspector,
  jobs: readonly Job[],
): Promise<readonly (JobStatus | undefined)[]> {
  const refs = jobs.map(refOf);
  const round: Round = { ...inspector, signal: inspector.deadline(), found: new Map() };
  const groups = [...Map.groupBy(refs, ({ parent }) => parent).values()];
  const failures = (await Promise.all(groups.map((group) => readGroup(round, group)))).flat();
  const { found } = round;
  if (found.size === 0 && failures.length > 0) throw failures[0];
  const now = inspector.now();
  return refs.map(({ name }) => {
    const job = found.get(name);
    if (job !== undefined) return statusOf(job, now);
    return found.has(name) ? { type: "missing" } : undefined;
  });
}

interface Round extends Inspector {
  readonly signal: AbortSignal;
  /** What Vertex AI says of jobs, by name; undefined of one it does not know. */
  readonly found: Map<string, VertexJob | undefined>;
}

/** Asks about the jobs of one project and region; returns what went wrong, which harms no others. */
async function readGroup(round: Round, refs: readonly JobRef[]): Promise<readonly unknown[]> {
  const wanted = [...new Map(refs.map((ref) => [ref.name, ref])).values()].toSorted(byAge);
  const listed = wanted.length > 1 ? chunks(wanted, IN_LIST) : [];
  const failures = await collect(listed.map((part) => () => readList(round, part)));
  // Who lists in vain because nobody answers would ask in vain singly; who may not list may still ask.
  const inVain = failures.some((error) => !isRefusal(error));
  const left = inVain ? [] : wanted.filter(({ name }) => !round.found.has(name)).slice(0, SINGLY);
  for (const part of chunks(left, AT_ONCE)) {
    failures.push(...(await collect(part.map((ref) => () => readOne(round, ref)))));
  }
  const [first] = failures;
  if (first === undefined) return [];
  const target = refs[0]?.parent;
  const calls = failures.length;
  round.log.warn("jobs not asked about", {
    agent: round.agent,
    target,
    calls,
    reason: messageOf(first),
  });
  return failures;
}

/** Looks into what `explained` throws. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && failureOf(error.cause) === "refused";
}

/** Does all at once; returns what was thrown. */
async function collect(work: readonly (() => Promise<void>)[]): Promise<unknown[]> {
  const ends = await Promise.allSettled(work.map((ask) => ask()));
  return ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
}

/** Reads no more pages than single questions would take. */
async function readList(round: Round, wanted: readonly JobRef[]) {
  const { apiFor, signal, found } = round;
  const names = new Set(wanted.map(({ name }) => name));
  const [{ parent, created: from }] = wanted as readonly [JobRef];
  const filter = unfinishedFilter(round, { from, to: wanted.at(-1)?.created ?? from });
  let pageToken: string | undefined;
  for (let pages = 0; pages < wanted.length && names.size > 0; pages++) {
    const token = pageToken === undefined ? {} : { pageToken };
    const page = await explained(`list the jobs of ${parent}`, () =>
      abortable(signal, () => apiFor(parent).list({ parent, filter, signal, ...token })),
    );
    for (const job of page.jobs) {
      if (names.delete(job.name ?? "")) found.set(job.name ?? "", job);
    }
    pageToken = page.next;
    if (pageToken === undefined) return;
  }
}

async function readOne({ apiFor, signal, found }: Round, { parent, name }: JobRef) {
  const job = await explained(`ask about ${name}`, () =>
    abortable(signal, () => unlessUnknown(() => apiFor(parent).get(name, signal))),
  );
  found.set(name, job);
}

function byAge({ created: a }: JobRef, { created: b }: JobRef): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
