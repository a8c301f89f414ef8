import { MAX_PAGE_SIZE, type RunQuery } from "../../store.ts";
import { type Command, type Context, numberOption, textOption } from "../command.ts";
import type { RunDocument } from "../documents.ts";
import { withClient } from "../open.ts";
import { writeJson } from "../output.ts";
import { table } from "../table.ts";
import { fromNow, printable, stateDetail, stateName } from "../text.ts";

export const command: Command = (context) =>
  withClient(context, async (client) => {
    const { io, settings } = context;
    const query = queryFrom(context);
    await client.refresh();
    const { items, next, lookedBackTo } = await client.runs(query);
    if (settings.json) {
      for (const run of items) await writeJson(io, run);
    } else if (items.length === 0) {
      io.note(lookedBackTo === undefined ? "No runs." : "No runs found yet.");
    } else {
      await io.write(
        table(
          HEADER,
          items.map((run) => row(context, run)),
        ),
      );
    }
    if (lookedBackTo !== undefined) io.note(`Looked back to ${lookedBackTo}.`);
    if (next !== undefined) io.note(`There may be more: --cursor ${next}`);
  });

function queryFrom({ options }: Context): RunQuery {
  const limit = numberOption(options, "limit", { least: 1, most: MAX_PAGE_SIZE });
  const texts = ["flow", "state", "agent", "label", "search", "cursor"].flatMap((name) => {
    const text = textOption(options, name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return { ...Object.fromEntries(texts), ...(limit === undefined ? {} : { limit }) };
}

const HEADER = ["NAME", "STATE", "FLOW", "AGENT", "CREATED", "ID", "DETAIL"];

function row({ io }: Context, run: RunDocument) {
  const now = io.now();
  const { flow } = run;
  const room = Math.max(20, io.columns - 110);
  return [
    run.name,
    { text: run.state, painted: stateName(io, run) },
    flow.version === undefined ? flow.name : `${flow.name} v${flow.version}`,
    run.agent ?? "",
    fromNow(run.created_at, now),
    run.id,
    shorten(printable(stateDetail(run, now)), room),
  ];
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
