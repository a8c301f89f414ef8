import type { LogLine } from "../../backend.ts";
import type { Client } from "../client.ts";
import { argument, type Command, type Context, textOption } from "../command.ts";
import type { RunDocument } from "../documents.ts";
import { findRun } from "../find-run.ts";
import { follow } from "../follow.ts";
import { withClient, withHost } from "../open.ts";
import { writeJson } from "../output.ts";
import { noteUndispatched } from "../undispatched.ts";

export const command: Command = (context) =>
  withLogs(context, async (client) => {
    await client.refresh();
    const run = await findRun(client, argument(context));
    if (context.options["follow"] === true) {
      await noteUndispatched(context, client, run.id);
      const signal = context.io.catchSignals();
      const noLog = async (reason: unknown) => {
        throw reason;
      };
      const follower = { line: (line: LogLine) => print(context, line), noLog };
      await follow(client, run.id, { follower, signal });
      return signal.aborted ? Number(signal.reason) : 0;
    }
    let after = "";
    let lines = 0;
    for (;;) {
      const page = await client.logs(run.id, after === "" ? undefined : after);
      for (const line of page.lines) await print(context, line);
      lines += page.lines.length;
      // A page may have no lines and others after it.
      if (page.complete || (page.lines.length === 0 && page.next === after)) break;
      after = page.next;
    }
    if (run.job === undefined && lines === 0) context.io.note(whyNothing(run));
    return 0;
  });

/** What is told of a run without a known job. One may be there all the same where an answer was lost. */
function whyNothing({ state, final }: RunDocument): string {
  return final || state === "cancelling"
    ? `No job of this run is known, so there is nothing to read: it is ${state}.`
    : `This run has no job yet, so nothing was written: it is ${state}.`;
}

/** Logs of a remote agent are on the machine of its host, and are read there without the API. */
async function withLogs<T>(context: Context, work: (client: Client) => Promise<T>) {
  const agent = textOption(context.options, "agent");
  return agent === undefined
    ? await withClient(context, work)
    : await withHost(context, agent, work);
}

async function print({ io, settings }: Context, line: LogLine): Promise<void> {
  await (settings.json ? writeJson(io, line) : io.write(`${line.text}\n`));
}
