import { argument, type Command, type Context } from "../command.ts";
import type { RunDetail } from "../documents.ts";
import { findRun } from "../find-run.ts";
import { withClient } from "../open.ts";
import { writeJson } from "../output.ts";
import { fields } from "../table.ts";
import { fromNow, printable, stateDetail, stateName } from "../text.ts";

export const command: Command = (context) =>
  withClient(context, async (client) => {
    const { io, settings } = context;
    await client.refresh();
    const run = await findRun(client, argument(context));
    await (settings.json ? writeJson(io, run) : io.write(page(context, run)));
  });

function page({ io }: Context, run: RunDetail): string {
  const now = io.now();
  const { flow, request } = run;
  const detail = printable(stateDetail(run, now));
  const time = (moment: string | undefined) =>
    moment === undefined ? undefined : `${moment} (${fromNow(moment, now)})`;
  return `${io.paint("bold", run.name)} (${run.id})\n${fields([
    ["state", `${stateName(io, run)}${detail === "" ? "" : `: ${detail}`}`],
    ["since", time(run.since)],
    ["flow", flow.version === undefined ? flow.name : `${flow.name}, version ${flow.version}`],
    ["labels", printable(run.labels.join(", "))],
    ["backend", run.backend],
    ["agent", run.agent],
    ["launch", run.launch === undefined ? undefined : String(run.launch)],
    ["job", run.job?.id],
    ["page", run.job?.url],
    ["started", time(run.started_at)],
    ["created", time(run.created_at)],
    ["next try", run.state === "waiting" ? time(run.next_try) : undefined],
    ["run config", json(request?.["run_config"])],
    ["parameters", json(request?.["parameters"])],
  ])}`;
}

function json(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
