import type { Job } from "../../run.ts";
import { isNone } from "./none.ts";
import { momentOf, type VertexJob } from "./status.ts";

/** How a job is found again. */
export interface JobRef {
  /** Where it was created: `projects/PROJECT/locations/REGION`. */
  readonly parent: string;
  /** Its resource name; Google writes the project's number in it, whatever `parent` says. */
  readonly name: string;
  /** When it was created, for lists. */
  readonly created: string;
}

const LONG_AGO = "1970-01-01T00:00:00.000Z";

/** The job of an answer of Vertex AI. Throws if the answer names none. */
export function jobOf({ name, createTime }: VertexJob, parent: string): Job {
  if (isNone(name) || name === "") throw new Error("Vertex AI answered with a job without a name");
  const ref: JobRef = { parent, name, created: momentOf(createTime) ?? LONG_AGO };
  return { backend: "vertex", id: name, url: consoleUrl(name), ref: { ...ref } };
}

/** What a job's `ref` says. Throws for a job that is not one of this backend. */
export function refOf(job: Job): JobRef {
  const { parent, name, created } = job.ref;
  if (job.backend === "vertex" && typeof parent === "string" && typeof name === "string") {
    return { parent, name, created: typeof created === "string" ? created : LONG_AGO };
  }
  throw new Error(`job ${job.id} is not one of Vertex AI: it has no parent and name`);
}

/** The page of a job in Google's console, as Prefect reports it. */
export function consoleUrl(name: string): string {
  const path = name.split("/").slice(2).join("/").replaceAll("customJobs", "training");
  return `https://console.cloud.google.com/vertex-ai/${path}`;
}

/** Where jobs of a project run. */
export function parentOf(project: string, region: string): string {
  return `projects/${project}/locations/${region}`;
}

/** The region of a parent or a job. Throws if there is none. */
export function regionOf(name: string): string {
  const region = /^\/?projects\/[^/]+\/locations\/([a-z0-9-]+)(?:\/|$)/.exec(name)?.[1];
  if (region === undefined) throw new Error(`expected projects/…/locations/REGION, got ${name}`);
  return region;
}
