import type { Client } from "./client.ts";
import type { Context } from "./command.ts";
import { nextLine } from "./next-line.ts";

/** A run in one of these goes on only where somebody dispatches. */
const UNLAUNCHED: readonly string[] = ["scheduled", "waiting", "launching"];

/** Tells people of a run that nobody will launch, for nothing dispatches its data folder. */
export async function noteUndispatched(
  context: Context,
  client: Client,
  id: string,
): Promise<void> {
  if (client.dispatched()) return;
  const run = await client.run(id);
  if (run === undefined || !UNLAUNCHED.includes(run.state)) return;
  const line = nextLine(context, "up");
  context.io.note(`Nothing dispatches this folder now: start \`${line}\``);
}
