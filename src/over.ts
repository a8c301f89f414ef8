import type { App } from "./app.ts";
import { isFinal } from "./run.ts";

/**
 * Whether the end of a launch is stored: its run has ended, or has been launched anew. False of a run
 * that is not known here.
 */
export async function isOver(
  { store }: Pick<App, "store">,
  runId: string,
  launch: number,
): Promise<boolean> {
  const run = await store.get(runId);
  return run !== undefined && (isFinal(run.state) || run.launches > launch);
}
