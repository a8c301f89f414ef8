import type { LogLine } from "../../backend.ts";
import type { Client } from "../client.ts";
import { argument, type Command, type Context, textOption } from "../command.ts";
import { findRun } from "../find-run.ts";
import { follow } from "../follow.ts";
import { withClient, withHost } from "../open.ts";

export const command: Command = (context) =>
  withLogs(context, async (client) => {
    await client.refresh();
    const { id, state, job } = await findRun(client, argument(context));
    if (context.options["follow"] === true) {
      const signal = context.io.catchSignals();
      const noLog = async (reason: unknown) => {
        throw reason;
      };
      const follower = { line: (line: LogLine) => print(context, line), noLog };
      await follow(client, id, { follower, signal });
      return signal.aborted ? Number(signal.reason) : 0;
    }
    let after = "";
    for (;;) {
      const page = await client.logs(id, after === "" ? undefined : after);
      for (const line of page.lines) await print(context, line);
      // A page may have no lines and others after it.
      if (page.complete || (page.lines.length === 0 && page.next === after)) break;
      after = page.next;
    }
    if (job === undefined)
      context.io.note(`No job of this run has written anything: it is ${state}.`);
    return 0;
  });

/** Logs of a remote agent are on the machine of its host, and are read there without the API. */
async function withLogs<T>(context: Context, work: (client: Client) => Promise<T>) {
  const agent = textOption(context.options, "agent");
  return agent === undefined
    ? await withClient(context, work)
    : await withHost(context, agent, work);
}

async function print({ io, settings }: Context, line: LogLine): Promise<void> {
  await io.write(settings.json ? `${JSON.stringify(line)}\n` : `${line.text}\n`);
}
