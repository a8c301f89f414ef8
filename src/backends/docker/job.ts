import { PermanentError } from "../../errors.ts";
import type { Job } from "../../run.ts";

/** Where a container is and what it is called. */
export interface ContainerRef {
  readonly id: string;
  readonly name: string;
  /** The engine it belongs to, which may no longer be that of the agent. */
  readonly target: string;
}

/** The job that a container is. */
export function jobOf({ id, name, target }: ContainerRef): Job {
  return { backend: "docker", id: id.slice(0, 12), ref: { container: id, name, target } };
}

/** The container that a job is. Throws `PermanentError` if the job is none of ours. */
export function refOf({ id, ref: { container, name, target } }: Job): ContainerRef {
  if (typeof container !== "string" || typeof name !== "string" || typeof target !== "string") {
    throw new PermanentError(
      "invalid",
      `the job ${id} is not a container: it names no container, name and target`,
    );
  }
  return { id: container, name, target };
}
