import { PermanentError } from "../../errors.ts";
import type { Client } from "../client.ts";
import { argument, type Command, type Context } from "../command.ts";
import { isFile } from "../document.ts";
import type { ExplanationDocument } from "../documents.ts";
import { findRunOrNone } from "../find-run.ts";
import { withClient } from "../open.ts";
import { warn, writeJson } from "../output.ts";
import { requestFrom } from "../request.ts";
import { table } from "../table.ts";
import { fromNow, printable } from "../text.ts";

export const command: Command = (context) =>
  withClient(context, async (client) => {
    const { io, settings } = context;
    const explanation = await explain(context, client);
    if (settings.json) await writeJson(io, explanation);
    else await io.write(page(context, client, explanation));
  });

/** A run wins over a flow of the same name; a file wins over both. */
async function explain(context: Context, client: Client): Promise<ExplanationDocument> {
  const source = argument(context);
  if (!(await isFile(context, source))) {
    await client.refresh();
    const run = await findRunOrNone(client, source);
    if (run !== undefined) return client.explainRun(run.id);
    return client.explainRequest(await requestFrom(context, source)).catch((error: unknown) => {
      const unknown = error instanceof PermanentError && error.code === "unknown_flow";
      throw unknown ? neither(source) : error;
    });
  }
  return client.explainRequest(await requestFrom(context, source));
}

function neither(source: string): PermanentError {
  return new PermanentError(
    "unknown_flow",
    `no run and no flow called ${printable(source)}: \`sluice runs\` and \`sluice flows\` list them`,
  );
}

function page({ io }: Context, client: Client, explanation: ExplanationDocument): string {
  const { because, wanted, agents, next_try, warnings } = explanation;
  warn(io, warnings);
  const next = next_try === undefined ? "" : ` Next try ${nextTry(client, next_try, io.now())}.`;
  const labels = wanted.labels.length === 0 ? "no labels" : `labels ${wanted.labels.join(", ")}`;
  const rows = agents.map((agent) => [
    agent.agent,
    agent.backend,
    agent.labels.join(", "),
    agent.takes ? "takes it" : reasons(agent),
  ]);
  return [
    `${sentence(printable(because))}${next}\n`,
    `Asked for: backend ${wanted.backend}, ${printable(labels)}.\n\n`,
    table(["AGENT", "BACKEND", "LABELS", "VERDICT"], rows),
  ].join("");
}

function nextTry(client: Client, moment: string, now: Date): string {
  const due = Date.parse(moment) <= now.getTime();
  const when = due ? "now" : fromNow(moment, now);
  if (client.dispatched()) return when;
  return due
    ? "as soon as something dispatches this folder"
    : `${when}, if something dispatches this folder then`;
}

/** A text that does not end as a sentence gets its full stop. */
function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

function reasons(agent: ExplanationDocument["agents"][number]): string {
  return [
    ...(agent.other_backend ? ["has another backend"] : []),
    ...(agent.missing.length > 0 ? [`lacks ${agent.missing.join(", ")}`] : []),
    ...(agent.unlabelled ? ["takes only runs with labels"] : []),
  ].join("; ");
}
