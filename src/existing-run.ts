import { PermanentError } from "./errors.ts";
import type { Run } from "./run.ts";
import type { RunStore } from "./store.ts";

/** The head of a run that people ask for. Throws `PermanentError` ("not_found") if there is none. */
export async function existingRun(store: Pick<RunStore, "get">, id: string): Promise<Run> {
  const run = await store.get(id);
  if (run === undefined) throw runNotFound(id);
  return run;
}

/** The error for a run nobody knows. */
export function runNotFound(id: string): PermanentError {
  return new PermanentError("not_found", `no run ${id} is known: \`sluice runs\` lists them`);
}
